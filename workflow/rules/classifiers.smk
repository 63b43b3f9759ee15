# Classifiers: one training per arm, fold and replicate; then the fold's held-out lesions.


rule train_arm:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
        samples=lambda w: places.arm_samples(w.replicate, w.fold, w.arm),
        transformed=lambda w: places.transformed(w.replicate, w.fold, w.arm),
        contexts=lambda w: places.online_contexts(w.replicate, w.fold, w.arm),
    output:
        network="<results>/replicate{replicate}/fold{fold}/arms/{arm}.pt",
        history="<results>/replicate{replicate}/fold{fold}/arms/{arm}.history.csv",
        record="<results>/replicate{replicate}/fold{fold}/arms/{arm}.json",
    log:
        "<logs>/train_arm/replicate{replicate}.fold{fold}.{arm}.log",
    benchmark:
        "<benchmarks>/train_arm/replicate{replicate}.fold{fold}.{arm}.tsv"
    threads: 1
    resources:
        gpu=1,
    params:
        recipes=lambda w: study.arm_recipes(w.arm, w.replicate),
        budget=lambda w: study.arm_budget(w.arm),
        stops=study.settings.classifier.stops,
        synthesizers=lambda w: study.arm_samples(w.arm),
        classic=lambda w: study.online_classic(w.arm),
        size=study.settings.roi.size,
        settings=study.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=places.checkpoints,
        code=study.code("classifier", "trainingset", "classic"),
    script:
        "../scripts/train_classifiers.py"


use rule train_arm as train_curve with:
    input:
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
        samples=lambda w: places.samples(w.replicate, w.fold, study.curve_synthesizers(w.curve)),
    output:
        network="<results>/replicate{replicate}/fold{fold}/curves/{curve}.pt",
        history="<results>/replicate{replicate}/fold{fold}/curves/{curve}.history.csv",
        record="<results>/replicate{replicate}/fold{fold}/curves/{curve}.json",
    log:
        "<logs>/train_curve/replicate{replicate}.fold{fold}.{curve}.log",
    benchmark:
        "<benchmarks>/train_curve/replicate{replicate}.fold{fold}.{curve}.tsv"
    params:
        recipes=lambda w: study.curve_recipes(w.curve),
        budget=lambda w: study.curve_budget(w.curve),
        stops=[],
        synthesizers=lambda w: study.curve_synthesizers(w.curve),
        classic=None,
        size=study.settings.roi.size,
        settings=study.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        device=study.settings.device,
        precision=study.settings.precision,
        checkpoints=places.checkpoints,
        code=study.code("classifier", "trainingset"),


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
    params:
        baselines=study.settings.baselines,
        code=study.code("baselines"),
    script:
        "../scripts/fit_baselines.py"


rule predict_fold:
    input:
        networks=lambda w: places.networks(w.replicate, w.fold),
        baselines=lambda w: places.baselines(w.replicate, w.fold),
        rois=lambda w: places.held_out(w.replicate, w.fold),
        table=lambda w: places.held_out(w.replicate, w.fold, "rois.csv"),
    output:
        arms="<results>/replicate{replicate}/fold{fold}/predictions.csv",
        curves="<results>/replicate{replicate}/fold{fold}/predictions_curve.csv",
        stops="<results>/replicate{replicate}/fold{fold}/predictions_stops.csv",
    log:
        "<logs>/predict_fold/replicate{replicate}.fold{fold}.log",
    benchmark:
        "<benchmarks>/predict_fold/replicate{replicate}.fold{fold}.tsv"
    params:
        networks=lambda w: study.network_names(w.replicate),
        arms=list(study.settings.arms),
        settings=study.classifier_values(),
        classes=study.classes,
        code=study.code("baselines", "classifier", "predictions"),
    script:
        "../scripts/predict_fold.py"


rule gather_predictions:
    input:
        places.each_fold("predictions.csv"),
    output:
        table="<results>/predictions.csv",
    log:
        "<logs>/gather_predictions.log",
    script:
        "../scripts/gather_predictions.py"


use rule gather_predictions as gather_curves with:
    input:
        places.each_fold("predictions_curve.csv"),
    output:
        table="<results>/predictions_curve.csv",
    log:
        "<logs>/gather_curves.log",


use rule gather_predictions as gather_stops with:
    input:
        places.each_fold("predictions_stops.csv"),
    output:
        table="<results>/predictions_stops.csv",
    log:
        "<logs>/gather_stops.log",


use rule gather_predictions as gather_subsets with:
    input:
        places.each_fold("predictions.csv", study.subset_replicates),
    output:
        table="<results>/predictions_subsets.csv",
    log:
        "<logs>/gather_subsets.log",
