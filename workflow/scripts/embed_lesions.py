from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.embedding import embed_lesions

    embed_lesions(**arguments(snakemake))
