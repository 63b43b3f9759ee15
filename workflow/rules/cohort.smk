# The lesions: the built-in cohort, and the folds of any cohort.


rule draw_phantom:
    output:
        table="<results>/cohort/lesions.csv",
        note="<results>/cohort/README.md",
        pictures=study.pictures(study.lesions) if study.is_phantom else [],
    log:
        "<logs>/draw_phantom.log",
    benchmark:
        "<benchmarks>/draw_phantom.tsv"
    threads: 8  # patients are drawn in parallel, on up to 8 cores
    params:
        phantom=study.settings.cohort.phantom.model_dump(),
        code=CodeParam("jobs.phantom"),
    script:
        "../scripts/draw_phantom.py"


rule write_folds:
    output:
        folds="<results>/folds.csv",
    log:
        "<logs>/write_folds.log",
    localrule: True
    params:
        rows=study.fold_rows(),
        code=CodeParam("jobs.lesion_tables"),
    script:
        "../scripts/write_folds.py"
