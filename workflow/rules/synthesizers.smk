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
        mem_mb=lambda w, attempt: attempt * needs.synthesizer(w.synthesizer, w.replicate),
        runtime=lambda w, attempt: attempt
        * needs.synthesizer_minutes(w.synthesizer, w.replicate, w.scope),
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


SAMPLES = "<results>/replicate{replicate}/fold{fold}/{synthesizer}/samples.npz"


rule draw_samples:
    input:
        networks=lambda w: places.generators(w.replicate, w.fold, recipes.drawn_from(w), ".pt"),
        records=lambda w: places.generators(w.replicate, w.fold, recipes.drawn_from(w), ".json"),
    output:
        samples=SAMPLES,
    log:
        "<logs>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    threads: 1
    resources:
        gpu=recipes.gpus,
        mem_mb=lambda w, attempt: attempt * needs.samples(recipes.drawn_from(w)),
    params:
        images=lambda w: {
            name: recipes.samples_drawn(name, w.replicate) for name in recipes.drawn_from(w)
        },
        size=study.settings.roi.size,
        seed=study.settings.seed,
        device=study.settings.device,
        code=study.code("synthesizers.samples", "synthesizers.units"),
    script:
        "../scripts/draw_samples.py"


if recipes.draws_by_fold:

    ruleorder: draw_fold_samples > draw_samples

    use rule draw_samples as draw_fold_samples with:
        output:
            samples=expand(
                SAMPLES, synthesizer=study.settings.used_synthesizers, allow_missing=True
            ),
        log:
            "<logs>/draw_fold_samples/replicate{replicate}.fold{fold}.log",
        benchmark:
            "<benchmarks>/draw_fold_samples/replicate{replicate}.fold{fold}.tsv"
        wildcard_constraints:
            replicate=r"\d+",
