# Synthesizers: each is trained for a fold from the other folds' lesions, and draws samples.

SYNTHESIZER = "<results>/replicate{replicate}/fold{fold}/{synthesizer}"


rule train_synthesizer:
    input:
        rois=lambda w: paths.training_rois(w.replicate, w.fold),
        variants=lambda w: paths.training_variants(w.replicate, w.fold),
        contexts=lambda w: paths.synthesizer_contexts(w.replicate, w.fold, w.synthesizer),
        others=lambda w: paths.used_networks(w.replicate, w.fold, w.synthesizer),
    output:
        networks=f"{SYNTHESIZER}/networks.pt",
        history=f"{SYNTHESIZER}/history.csv",
        progress=f"{SYNTHESIZER}/progress.npz",
        record=f"{SYNTHESIZER}/networks.json",
        samples=f"{SYNTHESIZER}/samples.npz",
    log:
        "<logs>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/train_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    priority: 1  # others wait for them
    threads: lambda w: costs.synthesizer_threads(w.replicate, w.fold, w.synthesizer)
    resources:
        gpu=job_params.gpus,
        mem_mb=lambda w, attempt, threads: attempt
        * costs.synthesizer_mb(w.synthesizer, w.replicate, threads),
        runtime=lambda w, attempt: attempt
        * costs.minutes(costs.synthesizer_trainings(w.synthesizer, w.replicate)),
    params:
        settings=lambda w: job_params.synthesizer_values(w.synthesizer, w.replicate),
        on_the_fly=lambda w: job_params.synthesizer_variants(w.synthesizer),
        samples=lambda w: job_params.samples_drawn(w.synthesizer, w.replicate),
        classes=study.classes,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=paths.checkpoints,
        code=CodeParam("jobs.synthesizers"),
        kind_code=lambda w: source_hash(
            f"synthesizers.{study.synthesizer_kind(w.synthesizer).name}"
        ),
    script:
        "../scripts/train_synthesizer.py"
