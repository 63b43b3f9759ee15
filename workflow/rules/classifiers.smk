# Classifiers: the networks of all arms and size curves of a fold; then the fold's held-out lesions.

CLASSIFIERS = "<results>/replicate{replicate}/fold{fold}/classifiers"


rule train_classifiers:
    input:
        rois=lambda w: paths.training_rois(w.replicate, w.fold),
        variants=lambda w: paths.training_variants(w.replicate, w.fold),
        samples=lambda w: list(paths.training_samples(w.replicate, w.fold)),
        transformed=lambda w: list(paths.transformed(w.replicate, w.fold)),
        contexts=lambda w: paths.on_the_fly_contexts(w.replicate, w.fold),
        weights=study.task.files(study.settings.classifier),
    output:
        networks=f"{CLASSIFIERS}.pt",
        history=f"{CLASSIFIERS}.history.csv",
        record=f"{CLASSIFIERS}.json",
    log:
        "<logs>/train_classifiers/replicate{replicate}.fold{fold}.log",
    benchmark:
        "<benchmarks>/train_classifiers/replicate{replicate}.fold{fold}.tsv"
    threads: lambda w: costs.network_threads(w.replicate, w.fold)
    resources:
        gpu=job_params.gpus,
        mem_mb=lambda w, attempt, threads: attempt * costs.networks_mb(w.replicate, threads),
        runtime=lambda w, attempt: attempt * costs.minutes(costs.network_trainings(w.replicate)),
    params:
        trainings=lambda w: job_params.trainings(w.replicate),
        samples=lambda w: paths.training_samples(w.replicate, w.fold),
        transformed=lambda w: paths.transformed(w.replicate, w.fold),
        task=study.settings.task,
        settings=job_params.classifier_values(),
        classes=study.classes,
        size=study.settings.roi.size,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=paths.checkpoints,
        code=CodeParam("jobs.classifiers", *study.task_modules),
        user_code=study.user_code,
    script:
        "../scripts/train_classifiers.py"


# The images that networks learn from, and none of the networks: what `augtrial export` reads.
rule training_images:
    input:
        paths.training_images(),
    localrule: True


# One job judges all folds of a replicate, since starting costs more than looking.
rule predict_replicate:
    input:
        networks=lambda w: paths.replicate_networks(w.replicate),
        rois=lambda w: [paths.held_out(w.replicate, fold) for fold in study.folds],
        tables=lambda w: [paths.held_out(w.replicate, fold, "rois.csv") for fold in study.folds],
    output:
        arms="<results>/replicate{replicate}/predictions_arms.csv",
        curves="<results>/replicate{replicate}/predictions_curve.csv",
        updates="<results>/replicate{replicate}/predictions_updates.csv",
    log:
        "<logs>/predict_replicate/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/predict_replicate/replicate{replicate}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.looking_mb(),
    params:
        folds=study.folds,
        task=study.settings.task,
        settings=job_params.classifier_values(),
        classes=study.classes,
        code=CodeParam("jobs.predictions", *study.task_modules),
        user_code=study.user_code,
    script:
        "../scripts/predict_replicate.py"


# What a lesion's measurements tell without a network. It reads what folds hold out, and nothing that
# trains a network reads it.
rule score_baselines:
    input:
        rois=lambda w: [paths.held_out(w.replicate, fold) for fold in study.folds],
        tables=lambda w: [paths.held_out(w.replicate, fold, "rois.csv") for fold in study.folds],
    output:
        predictions="<results>/replicate{replicate}/predictions_baselines.csv",
    log:
        "<logs>/score_baselines/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/score_baselines/replicate{replicate}.tsv"
    priority: 1  # seconds each; at the end of a study the tables would wait for them
    params:
        baselines=study.settings.baselines,
        folds=study.folds,
        classes=study.classes,
        code=CodeParam("jobs.baselines"),
    script:
        "../scripts/score_baselines.py"


rule gather_predictions:
    input:
        arms=paths.arm_predictions(),
        curves=paths.each_replicate("predictions_curve.csv"),
        updates=paths.each_replicate("predictions_updates.csv"),
    output:
        arms="<results>/predictions.csv",
        curves="<results>/predictions_curve.csv",
        updates="<results>/predictions_updates.csv",
    log:
        "<logs>/gather_predictions.log",
    params:
        arms=list(study.settings.arms),
        code=CodeParam("jobs.predictions"),
    script:
        "../scripts/gather_predictions.py"


use rule gather_predictions as gather_subsets with:
    input:
        arms=paths.each_replicate("predictions_arms.csv", study.subset_replicates),
    output:
        arms="<results>/predictions_subsets.csv",
    log:
        "<logs>/gather_subsets.log",
