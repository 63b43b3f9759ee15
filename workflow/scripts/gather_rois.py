from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.lesion_tables import gather_rois

    gather_rois(parts=snakemake.input, **settings(snakemake), **snakemake.output)
