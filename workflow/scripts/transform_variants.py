from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.transforms import transform_variants

    transform_variants(
        **snakemake.input,
        **settings(snakemake),
        **snakemake.output,
        replicate=snakemake.wildcards.replicate,
        arm=snakemake.wildcards.arm,
    )
