# The positive control: fresh real lesions of new patients, in parts like the cohort's own.


rule draw_oracle:
    input:
        pictures=lambda w: study.oracle_pictures(w.part),
    output:
        images="<results>/replicate{replicate}/part{part}/oracle.npz",
    log:
        "<logs>/draw_oracle/replicate{replicate}.part{part}.log",
    benchmark:
        "<benchmarks>/draw_oracle/replicate{replicate}.part{part}.tsv"
    priority: 2  # as extract_rois
    resources:
        mem_mb=lambda w, attempt: attempt * needs.reading(),
    params:
        lesions=lambda w: study.oracle_rows(w.part),
        phantom=study.oracle_phantom(),
        number=study.oracle_images,
        roi=study.settings.roi.model_dump(),
        classic=study.settings.classic.model_dump(),
        seed=study.settings.seed,
        code=study.code("oracle", "cohort.phantom"),
    script:
        "../scripts/draw_oracle.py"
