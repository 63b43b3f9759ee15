# Synthesizers: each is trained for a fold from the other folds' lesions, and draws samples.


rule train_synthesizer:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
    output:
        network="<results>/replicate{replicate}/fold{fold}/{synthesizer}/{scope}.pt",
        history="<results>/replicate{replicate}/fold{fold}/{synthesizer}/{scope}.history.csv",
        progress="<results>/replicate{replicate}/fold{fold}/{synthesizer}/{scope}.progress.npz",
        record="<results>/replicate{replicate}/fold{fold}/{synthesizer}/{scope}.json",
    log:
        "<logs>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.{scope}.log",
    benchmark:
        "<benchmarks>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.{scope}.tsv"
    priority: 1  # the longest jobs, and others wait for them
    threads: 1
    resources:
        gpu=recipes.gpus,
    params:
        settings=lambda w: recipes.synthesizer_values(w.synthesizer, w.replicate),
        classes=study.classes,
        learns=lambda w: study.scope_classes(w.scope),
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=places.checkpoints,
        code=study.code("synthesizers.units"),
    script:
        "../scripts/train_synthesizer.py"


rule draw_samples:
    input:
        networks=lambda w: places.generators(w.replicate, w.fold, w.synthesizer, ".pt"),
        records=lambda w: places.generators(w.replicate, w.fold, w.synthesizer, ".json"),
    output:
        samples="<results>/replicate{replicate}/fold{fold}/{synthesizer}/samples.npz",
    log:
        "<logs>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    threads: 1
    resources:
        gpu=recipes.gpus,
    params:
        images=lambda w: recipes.samples_drawn(w.synthesizer, w.replicate),
        size=study.settings.roi.size,
        seed=study.settings.seed,
        device=study.settings.device,
        code=study.code("synthesizers.samples", "synthesizers.units"),
    script:
        "../scripts/draw_samples.py"
