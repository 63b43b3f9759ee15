from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.synthesizers import train_synthesizer

    train_synthesizer(
        snakemake.wildcards.synthesizer,
        **snakemake.input,
        replicate=snakemake.wildcards.replicate,
        fold=snakemake.wildcards.fold,
        **snakemake.params,
        workers=snakemake.threads,
        outputs=dict(snakemake.output.items()),
    )
