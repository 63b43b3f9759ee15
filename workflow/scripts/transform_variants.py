from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.transforms import transform_variants

    arm, replicate = snakemake.wildcards.arm, snakemake.wildcards.replicate
    transform_variants(**arguments(snakemake), arm=arm, replicate=replicate)
