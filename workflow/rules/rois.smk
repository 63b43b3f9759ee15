# Regions of interest. Each part is read by a job of its own: what is trained without the part does
# not depend on it.


rule extract_rois:
    input:
        pictures=lambda w: study.pictures(study.part(w.replicate, w.part)),
    output:
        rois="<results>/replicate{replicate}/part{part}/rois.npz",
        contexts="<results>/replicate{replicate}/part{part}/contexts.npz",
        table="<results>/replicate{replicate}/part{part}/rois.csv",
    log:
        "<logs>/extract_rois/replicate{replicate}.part{part}.log",
    benchmark:
        "<benchmarks>/extract_rois/replicate{replicate}.part{part}.tsv"
    priority: 2  # first of all: Snakemake checks the inputs of waiting jobs again and again
    resources:
        mem_mb=lambda w, attempt: attempt * costs.reading_mb(),
    params:
        lesions=lambda w: study.lesion_values(study.part(w.replicate, w.part)),
        roi=study.settings.roi.model_dump(),
        reach=job_params.reach(),
        code=CodeParam("jobs.rois"),
    script:
        "../scripts/extract_rois.py"


rule gather_rois:
    input:
        [paths.rois(1, part, "rois.csv") for part in study.folds],
    output:
        table="<results>/rois.csv",
    log:
        "<logs>/gather_rois.log",
    params:
        lesions=[lesion.lesion_id for lesion in study.lesions],
        code=CodeParam("jobs.lesion_tables"),
    script:
        "../scripts/gather_rois.py"
