# The lesions: the built-in cohort, and the folds of any cohort.


rule draw_phantom:
    output:
        table="<results>/cohort/lesions.csv",
        pictures=study.phantom_files(),
    params:
        phantom=study.settings.cohort.phantom.model_dump(),
        code=study.code("cohort.phantom"),
    log:
        "<logs>/draw_phantom.log",
    benchmark:
        "<benchmarks>/draw_phantom.tsv"
    script:
        "../scripts/draw_phantom.py"


rule write_folds:
    output:
        folds="<results>/folds.csv",
    params:
        rows=study.fold_rows(),
    log:
        "<logs>/write_folds.log",
    localrule: True
    script:
        "../scripts/write_folds.py"
