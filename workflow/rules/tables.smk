# Tables: endpoints and contrasts from the predictions; whatever is shown is written here first.


rule compare_arms:
    input:
        predictions="<results>/predictions.csv",
        curves="<results>/predictions_curve.csv",
        stops="<results>/predictions_stops.csv",
        subsets="<results>/predictions_subsets.csv",
        histories=drawings.arm_histories(),
    output:
        endpoints="<results>/tables/endpoints.csv",
        contrasts="<results>/tables/contrasts.csv",
        verdicts="<results>/tables/verdicts.csv",
        secondary="<results>/tables/secondary.csv",
        training="<results>/tables/training.csv",
        confusion="<results>/tables/confusion.csv",
        calibration="<results>/tables/calibration.csv",
        reliability="<results>/tables/reliability.csv",
        roc="<results>/tables/roc.csv",
        curve="<results>/tables/curve.csv",
        updates="<results>/tables/updates.csv",
        subsets="<results>/tables/subsets.csv",
        subset_contrasts="<results>/tables/subset_contrasts.csv",
    log:
        "<logs>/compare_arms.log",
    benchmark:
        "<benchmarks>/compare_arms.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * needs.tables(),
    params:
        contrasts=study.settings.contrasts,
        endpoint=study.settings.primary_endpoint,
        margin=study.settings.margin,
        confidence=study.settings.confidence,
        classes=study.classes,
        conditional_on=study.conditional_on,
        sizes={share: study.training_size(share) for share in study.shares},
        code=study.code("comparison", "curves", "learned", "predictions"),
    script:
        "../scripts/compare_arms.py"


rule embed_lesions:
    input:
        networks=places.embedding_networks(),
        rois=places.rois(1, study.folds[0]),
        table=places.rois(1, study.folds[0], "rois.csv"),
        variants=f"{places.part_folder(1, study.folds[0])}/variants.npy",
    output:
        points="<results>/tables/embedding.csv",
        neighbours="<results>/tables/embedding_neighbours.csv",
    log:
        "<logs>/embed_lesions.log",
    benchmark:
        "<benchmarks>/embed_lesions.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * needs.looking(),
    params:
        arms=recipes.embedding_arms(),
        lesions=study.settings.embedding.lesions,
        variants=study.settings.embedding.variants,
        perplexity=study.settings.embedding.perplexity,
        neighbours=study.settings.embedding.neighbours,
        settings=recipes.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        code=study.code("embedding", "classifier", "trainingset"),
    script:
        "../scripts/embed_lesions.py"


rule record_study:
    input:
        places.each_training(".json"),
    output:
        record="<results>/study.json",
    log:
        "<logs>/record_study.log",
    params:
        facts=study_facts(study),
    script:
        "../scripts/record_study.py"
