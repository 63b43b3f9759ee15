from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.fidelity import appraise_samples

    appraise_samples(
        **snakemake.input,
        **settings(snakemake),
        **snakemake.output,
        replicate=snakemake.wildcards.replicate,
    )
