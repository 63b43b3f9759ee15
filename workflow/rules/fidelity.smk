# Fidelity: synthetic images against real ones. It reads held-out lesions, and nothing reads it but
# tables, figures and report. One job appraises all folds, since starting costs more than looking.


rule appraise_samples:
    input:
        samples=lambda w: places.all_samples(w.replicate),
        rois=lambda w: [places.rois(w.replicate, part) for part in study.folds],
        variants=lambda w: [places.variants(w.replicate, part) for part in study.folds],
        networks=lambda w: places.feature_networks(w.replicate),
        weights=study.settings.fidelity.weights or [],
    output:
        table="<results>/replicate{replicate}/fidelity.csv",
        pairs="<results>/replicate{replicate}/fidelity.npz",
    log:
        "<logs>/appraise_samples/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/appraise_samples/replicate{replicate}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * needs.looking(),
    params:
        fidelity=study.settings.fidelity.model_dump(exclude={"arm"}),
        arm=study.settings.feature_arm,
        synthesizers=study.settings.appraised_synthesizers,
        folds=study.folds,
        settings=recipes.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        code=study.code("appraisal", "features"),
    script:
        "../scripts/appraise_samples.py"


rule gather_fidelity:
    input:
        tables=places.appraisals(),
    output:
        table="<results>/tables/fidelity.csv",
        means="<results>/tables/fidelity_means.csv",
    log:
        "<logs>/gather_fidelity.log",
    params:
        code=study.code("appraisal"),
    script:
        "../scripts/gather_fidelity.py"
