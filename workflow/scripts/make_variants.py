from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.variants import make_variants

    make_variants(**arguments(snakemake), replicate=snakemake.wildcards.replicate)
