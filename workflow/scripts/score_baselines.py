from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.baselines import score_baselines

    score_baselines(
        **snakemake.input,
        **settings(snakemake),
        **snakemake.output,
        replicate=snakemake.wildcards.replicate,
    )
