# Fidelity: synthetic images against real ones. It reads held-out lesions, and nothing reads it but
# tables, figures and report. One job appraises all folds, since starting costs more than looking.


rule appraise_samples:
    input:
        samples=lambda w: paths.all_samples(w.replicate),
        rois=lambda w: [paths.rois(w.replicate, part) for part in study.folds],
        variants=lambda w: [paths.variants(w.replicate, part) for part in study.folds],
        networks=lambda w: paths.replicate_networks(w.replicate),
        weights=study.settings.fidelity.weights or [],
    output:
        table="<results>/replicate{replicate}/fidelity.csv",
        pairs="<results>/replicate{replicate}/fidelity.npz",
    log:
        "<logs>/appraise_samples/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/appraise_samples/replicate{replicate}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.looking_mb(),
    params:
        images=study.settings.fidelity.images,
        architecture=study.settings.fidelity.architecture,
        arm=study.settings.feature_arm,
        synthesizers=study.settings.appraised_synthesizers,
        folds=study.folds,
        classifier=job_params.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        code=CodeParam("jobs.fidelity", *study.task_modules),
        user_code=study.user_code,
    script:
        "../scripts/appraise_samples.py"


rule gather_fidelity:
    input:
        tables=paths.appraisals(),
    output:
        table="<results>/tables/fidelity.csv",
        means="<results>/tables/fidelity_means.csv",
    log:
        "<logs>/gather_fidelity.log",
    params:
        code=CodeParam("jobs.fidelity"),
    script:
        "../scripts/gather_fidelity.py"
