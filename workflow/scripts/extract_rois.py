from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.rois import extract_rois

    extract_rois(**settings(snakemake), **snakemake.output)
