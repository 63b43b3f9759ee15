# Fidelity: synthetic images against real ones. It reads held-out lesions, and nothing reads it but
# tables, figures and report.


rule appraise_samples:
    input:
        samples=lambda w: places.samples(w.replicate, w.fold, [w.synthesizer]),
        rois=lambda w: places.training_rois(w.replicate, w.fold),
        variants=lambda w: places.training_variants(w.replicate, w.fold),
        held_out_rois=lambda w: places.rois(w.replicate, w.fold),
        held_out_variants="<results>/replicate{replicate}/part{fold}/variants.npy",
        network=f"<results>/replicate{{replicate}}/fold{{fold}}/arms/{study.settings.feature_arm}.pt",
    output:
        table="<results>/replicate{replicate}/fidelity/fold{fold}.{synthesizer}.csv",
        pairs="<results>/replicate{replicate}/fidelity/fold{fold}.{synthesizer}.npz",
    log:
        "<logs>/appraise_samples/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/appraise_samples/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    params:
        fidelity=study.settings.fidelity.model_dump(exclude={"arm"}),
        arm=study.settings.feature_arm,
        settings=study.classifier_values(),
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
