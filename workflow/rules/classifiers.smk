# Classifiers: one training per arm, fold and replicate; then the fold's held-out lesions.

ARM = "<results>/replicate{replicate}/fold{fold}/arms/{arm}"
CURVE = "<results>/replicate{replicate}/fold{fold}/curves/{curve}"


rule train_arm:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
        samples=lambda w: list(
            places.training_samples(w.replicate, w.fold, *recipes.classifiers_of(w))
        ),
        transformed=lambda w: places.transformed(w.replicate, w.fold, recipes.classifiers_of(w)[0]),
        contexts=lambda w: places.online_contexts(w.replicate, w.fold, recipes.classifiers_of(w)[0]),
    output:
        network=f"{ARM}.pt",
        history=f"{ARM}.history.csv",
        record=f"{ARM}.json",
    log:
        "<logs>/train_arm/replicate{replicate}.fold{fold}.{arm}.log",
    benchmark:
        "<benchmarks>/train_arm/replicate{replicate}.fold{fold}.{arm}.tsv"
    threads: 1
    resources:
        gpu=recipes.gpus,
        mem_mb=lambda w, attempt: attempt
        * needs.classifiers(w.replicate, *recipes.classifiers_of(w)),
        runtime=lambda w, attempt: attempt
        * needs.classifiers_minutes(w.replicate, *recipes.classifiers_of(w)),
    params:
        trainings=recipes.classifier_trainings,
        synthesizers=lambda w: list(
            places.training_samples(w.replicate, w.fold, *recipes.classifiers_of(w)).values()
        ),
        size=study.settings.roi.size,
        settings=recipes.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=places.checkpoints,
        code=study.code("classifier_training", "online", "trainingset"),
    script:
        "../scripts/train_classifiers.py"


use rule train_arm as train_curve with:
    output:
        network=f"{CURVE}.pt",
        history=f"{CURVE}.history.csv",
        record=f"{CURVE}.json",
    log:
        "<logs>/train_curve/replicate{replicate}.fold{fold}.{curve}.log",
    benchmark:
        "<benchmarks>/train_curve/replicate{replicate}.fold{fold}.{curve}.tsv"


# One job for all arms and curves of a fold, where starting costs more than training.
if study.settings.jobs == "fold":

    ruleorder: train_classifiers > train_arm
    ruleorder: train_classifiers > train_curve

    arms = {"arm": recipes.arms(1), "allow_missing": True}
    curves = {"curve": recipes.curves(1), "allow_missing": True}

    use rule train_arm as train_classifiers with:
        output:
            network=expand(f"{ARM}.pt", **arms) + expand(f"{CURVE}.pt", **curves),
            history=expand(f"{ARM}.history.csv", **arms) + expand(f"{CURVE}.history.csv", **curves),
            record=expand(f"{ARM}.json", **arms) + expand(f"{CURVE}.json", **curves),
        log:
            "<logs>/train_classifiers/replicate{replicate}.fold{fold}.log",
        benchmark:
            "<benchmarks>/train_classifiers/replicate{replicate}.fold{fold}.tsv"
        wildcard_constraints:
            replicate=r"\d+",


if study.settings.jobs == "fold" and study.subset_replicates:

    ruleorder: train_subset_classifiers > train_arm

    some_arms = {"arm": study.settings.subset_arms, "allow_missing": True}

    use rule train_arm as train_subset_classifiers with:
        output:
            network=expand(f"{ARM}.pt", **some_arms),
            history=expand(f"{ARM}.history.csv", **some_arms),
            record=expand(f"{ARM}.json", **some_arms),
        log:
            "<logs>/train_subset_classifiers/replicate{replicate}.fold{fold}.log",
        benchmark:
            "<benchmarks>/train_subset_classifiers/replicate{replicate}.fold{fold}.tsv"
        wildcard_constraints:
            replicate=r"\d+-share\d+",


rule fit_baselines:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        tables=lambda w: places.training_rois(w.replicate, w.fold, "rois.csv"),
    output:
        machines="<results>/replicate{replicate}/fold{fold}/baselines.pkl",
    log:
        "<logs>/fit_baselines/replicate{replicate}.fold{fold}.log",
    benchmark:
        "<benchmarks>/fit_baselines/replicate{replicate}.fold{fold}.tsv"
    priority: 1  # seconds each; at the end of a study the predictions would wait for them
    params:
        baselines=study.settings.baselines,
        code=study.code("baselines"),
    script:
        "../scripts/fit_baselines.py"


# One job judges all folds of a replicate, since starting costs more than looking.
rule predict_replicate:
    input:
        networks=lambda w: places.replicate_networks(w.replicate),
        baselines=lambda w: places.replicate_baselines(w.replicate),
        rois=lambda w: [places.held_out(w.replicate, fold) for fold in study.folds],
        tables=lambda w: [places.held_out(w.replicate, fold, "rois.csv") for fold in study.folds],
    output:
        arms="<results>/replicate{replicate}/predictions.csv",
        curves="<results>/replicate{replicate}/predictions_curve.csv",
        stops="<results>/replicate{replicate}/predictions_stops.csv",
    log:
        "<logs>/predict_replicate/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/predict_replicate/replicate{replicate}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * needs.looking(),
    params:
        networks=lambda w: recipes.network_names(w.replicate),
        folds=study.folds,
        arms=list(study.settings.arms),
        settings=recipes.classifier_values(),
        classes=study.classes,
        code=study.code("baselines", "classifier", "predictions"),
    script:
        "../scripts/predict_replicate.py"


rule gather_predictions:
    input:
        arms=places.each_replicate("predictions.csv"),
        curves=places.each_replicate("predictions_curve.csv"),
        stops=places.each_replicate("predictions_stops.csv"),
    output:
        arms="<results>/predictions.csv",
        curves="<results>/predictions_curve.csv",
        stops="<results>/predictions_stops.csv",
    log:
        "<logs>/gather_predictions.log",
    script:
        "../scripts/gather_predictions.py"


use rule gather_predictions as gather_subsets with:
    input:
        arms=places.each_replicate("predictions.csv", study.subset_replicates),
    output:
        arms="<results>/predictions_subsets.csv",
    log:
        "<logs>/gather_subsets.log",
