# Tables: endpoints and contrasts from the predictions; whatever is shown is written here first.


rule compare_arms:
    input:
        predictions="<results>/predictions.csv",
        curves="<results>/predictions_curve.csv",
        updates="<results>/predictions_updates.csv",
        subsets="<results>/predictions_subsets.csv",
        histories=paths.histories(),
        fitness=paths.fitness(),
        lesions="<results>/rois.csv",
    output:
        **{name: f"<results>/tables/{name}.csv" for name in COMPARED},
    log:
        "<logs>/compare_arms.log",
    benchmark:
        "<benchmarks>/compare_arms.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.tables_mb(),
    params:
        contrasts=study.settings.contrasts,
        primary=study.settings.primary_contrast,
        controls=study.settings.positive_controls,
        endpoint=study.settings.primary_endpoint,
        margin=study.settings.margin,
        confidence=study.settings.confidence,
        task=study.settings.task,
        classes=study.classes,
        conditional_on=study.conditional_on,
        sizes={share: study.training_size(share) for share in study.shares},
        synthesizers=job_params.arm_synthesizers(),
        code=CodeParam("jobs.comparison", *study.task_modules),
    script:
        "../scripts/compare_arms.py"


rule embed_lesions:
    input:
        networks=paths.networks(1, study.folds[0]),
        rois=paths.rois(1, study.folds[0]),
        lesions=paths.rois(1, study.folds[0], "rois.csv"),
        variants=paths.variants(1, study.folds[0]),
    output:
        points="<results>/tables/embedding.csv",
        accuracies="<results>/tables/embedding_neighbours.csv",
    log:
        "<logs>/embed_lesions.log",
    benchmark:
        "<benchmarks>/embed_lesions.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.looking_mb(),
    params:
        arms=job_params.embedding_arms(),
        max_lesions=study.settings.embedding.lesions,
        max_variants=study.settings.embedding.variants,
        perplexity=study.settings.embedding.perplexity,
        neighbours=study.settings.embedding.neighbours,
        classifier=job_params.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        code=CodeParam("jobs.embedding", *study.task_modules),
        user_code=study.user_code,
    script:
        "../scripts/embed_lesions.py"


rule record_study:
    input:
        trainings=paths.records(),
        predictions=paths.arm_predictions(),
    output:
        record="<results>/study.json",
    log:
        "<logs>/record_study.log",
    params:
        facts=study_facts(study),
        registration=lambda w: registration(study),
        code=CodeParam("jobs.provenance"),
    script:
        "../scripts/record_study.py"
