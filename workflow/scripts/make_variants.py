from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.variants import make_variants

    make_variants(
        **snakemake.input,
        **settings(snakemake),
        **snakemake.output,
        replicate=snakemake.wildcards.replicate,
    )
