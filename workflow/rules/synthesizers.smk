# Synthesizers: each is trained for a fold from the other folds' lesions, and draws samples.

SYNTHESIZER = "<results>/replicate{replicate}/fold{fold}/{synthesizer}"


rule train_synthesizer:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
    output:
        network=f"{SYNTHESIZER}/{{scope}}.pt",
        history=f"{SYNTHESIZER}/{{scope}}.history.csv",
        progress=f"{SYNTHESIZER}/{{scope}}.progress.npz",
        record=f"{SYNTHESIZER}/{{scope}}.json",
    log:
        "<logs>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.{scope}.log",
    benchmark:
        "<benchmarks>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.{scope}.tsv"
    priority: 1  # the longest jobs, and others wait for them
    threads: 1
    resources:
        gpu=recipes.gpus,
        mem_mb=lambda w, attempt: attempt
        * needs.synthesizers(w.replicate, recipes.synthesizers_of(w)),
        runtime=lambda w, attempt: attempt
        * needs.synthesizers_minutes(
            w.replicate, recipes.synthesizers_of(w), w.get("scope", "all")
        ),
    params:
        trainings=recipes.synthesizer_trainings,
        classes=study.classes,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=places.checkpoints,
        code=study.code("synthesizers.units"),
    script:
        "../scripts/train_synthesizers.py"


rule draw_samples:
    input:
        networks=lambda w: places.generators(w.replicate, w.fold, [w.synthesizer], ".pt"),
        records=lambda w: places.generators(w.replicate, w.fold, [w.synthesizer], ".json"),
    output:
        samples=f"{SYNTHESIZER}/samples.npz",
    log:
        "<logs>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/draw_samples/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    threads: 1
    resources:
        gpu=recipes.gpus,
        mem_mb=lambda w, attempt: attempt * needs.samples(w.synthesizer),
    params:
        images=lambda w: recipes.samples_drawn(w.synthesizer, w.replicate),
        size=study.settings.roi.size,
        seed=study.settings.seed,
        device=study.settings.device,
        code=study.code("synthesizers.samples"),
    script:
        "../scripts/draw_samples.py"


# One job for all synthesizers of a fold and their samples, where starting costs more than training.
if study.settings.jobs == "fold" and study.settings.used_synthesizers:

    ruleorder: train_synthesizers > train_synthesizer
    ruleorder: train_synthesizers > draw_samples

    every = {"synthesizer": study.settings.used_synthesizers, "allow_missing": True}

    use rule train_synthesizer as train_synthesizers with:
        output:
            network=expand(f"{SYNTHESIZER}/all.pt", **every),
            history=expand(f"{SYNTHESIZER}/all.history.csv", **every),
            progress=expand(f"{SYNTHESIZER}/all.progress.npz", **every),
            record=expand(f"{SYNTHESIZER}/all.json", **every),
            samples=expand(f"{SYNTHESIZER}/samples.npz", **every),
        log:
            "<logs>/train_synthesizers/replicate{replicate}.fold{fold}.log",
        benchmark:
            "<benchmarks>/train_synthesizers/replicate{replicate}.fold{fold}.tsv"
        wildcard_constraints:
            replicate=r"\d+",
        params:
            drawing=study.code("synthesizers.samples"),


if study.settings.jobs == "fold" and recipes.subset_synthesizers:

    ruleorder: train_subset_synthesizers > train_synthesizer
    ruleorder: train_subset_synthesizers > draw_samples

    some = {"synthesizer": recipes.subset_synthesizers, "allow_missing": True}

    use rule train_synthesizers as train_subset_synthesizers with:
        output:
            network=expand(f"{SYNTHESIZER}/all.pt", **some),
            history=expand(f"{SYNTHESIZER}/all.history.csv", **some),
            progress=expand(f"{SYNTHESIZER}/all.progress.npz", **some),
            record=expand(f"{SYNTHESIZER}/all.json", **some),
            samples=expand(f"{SYNTHESIZER}/samples.npz", **some),
        log:
            "<logs>/train_subset_synthesizers/replicate{replicate}.fold{fold}.log",
        benchmark:
            "<benchmarks>/train_subset_synthesizers/replicate{replicate}.fold{fold}.tsv"
        wildcard_constraints:
            replicate=r"\d+-share\d+",
