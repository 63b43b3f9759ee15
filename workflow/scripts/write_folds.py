from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.lesion_tables import write_folds

    write_folds(**settings(snakemake), **snakemake.output)
