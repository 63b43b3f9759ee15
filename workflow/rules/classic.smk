# Classic augmentation: all variants of a part's lesions; arms select from them.


rule make_variants:
    input:
        rois=lambda w: paths.rois(w.replicate, w.part),
        contexts=lambda w: paths.rois(w.replicate, w.part, "contexts.npz"),
    output:
        variants="<results>/replicate{replicate}/part{part}/variants.npy",
        table="<results>/replicate{replicate}/part{part}/variants.csv",
    log:
        "<logs>/make_variants/replicate{replicate}.part{part}.log",
    benchmark:
        "<benchmarks>/make_variants/replicate{replicate}.part{part}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.variants_mb(),
    params:
        classic=study.settings.classic.model_dump(),
        size=study.settings.roi.size,
        seed=study.settings.seed,
        code=CodeParam("jobs.variants"),
    script:
        "../scripts/make_variants.py"


rule transform_variants:
    input:
        rois=lambda w: paths.rois(w.replicate, w.part),
        variants="<results>/replicate{replicate}/part{part}/variants.npy",
    output:
        transformed="<results>/replicate{replicate}/part{part}/transformed/{arm}.npy",
    log:
        "<logs>/transform_variants/replicate{replicate}.part{part}.{arm}.log",
    benchmark:
        "<benchmarks>/transform_variants/replicate{replicate}.part{part}.{arm}.tsv"
    params:
        transforms=lambda w: study.settings.arms[w.arm].transforms,
        size=lambda w: job_params.arm(w.arm, w.replicate).classic,
        seed=study.settings.seed,
        code=CodeParam("jobs.transforms"),
    script:
        "../scripts/transform_variants.py"
