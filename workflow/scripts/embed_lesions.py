from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.embedding import embed_lesions

    embed_lesions(**snakemake.input, **settings(snakemake), **snakemake.output)
