# Regions of interest. A part is read by itself, so that nothing trained without it depends on it.


rule extract_rois:
    input:
        pictures=lambda w: study.pictures(w.replicate, w.part),
    output:
        rois="<results>/replicate{replicate}/part{part}/rois.npz",
        contexts="<results>/replicate{replicate}/part{part}/contexts.npz",
        table="<results>/replicate{replicate}/part{part}/rois.csv",
    log:
        "<logs>/extract_rois/replicate{replicate}.part{part}.log",
    benchmark:
        "<benchmarks>/extract_rois/replicate{replicate}.part{part}.tsv"
    priority: 2  # Snakemake looks at every input of every job that waits, again and again
    resources:
        mem_mb=lambda w, attempt: attempt * needs.reading(),
    params:
        lesions=lambda w: study.part_rows(w.replicate, w.part),
        roi=study.settings.roi.model_dump(),
        reach=recipes.reach(),
        code=study.code("roi", "cohort.readers"),
    script:
        "../scripts/extract_rois.py"


rule gather_rois:
    input:
        [places.rois(1, part, "rois.csv") for part in study.folds],
    output:
        table="<results>/rois.csv",
    log:
        "<logs>/gather_rois.log",
    params:
        lesions=[lesion.lesion_id for lesion in study.lesions],
    script:
        "../scripts/gather_rois.py"
