# The positive control: real lesions of new patients, in parts like those of the cohort.


rule draw_oracle:
    input:
        pictures=lambda w: study.pictures(study.oracle_lesions(w.part)),
    output:
        images="<results>/replicate{replicate}/part{part}/oracle.npz",
    log:
        "<logs>/draw_oracle/replicate{replicate}.part{part}.log",
    benchmark:
        "<benchmarks>/draw_oracle/replicate{replicate}.part{part}.tsv"
    priority: 2  # as extract_rois
    resources:
        mem_mb=lambda w, attempt: attempt * costs.reading_mb(),
    params:
        lesions=lambda w: study.lesion_values(study.oracle_lesions(w.part)),
        phantom=study.oracle_phantom(),
        number=study.oracle_images,
        roi=study.settings.roi.model_dump(),
        classic=study.settings.classic.model_dump(),
        seed=study.settings.seed,
        code=CodeParam("jobs.oracle"),
    script:
        "../scripts/draw_oracle.py"
