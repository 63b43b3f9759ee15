from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.predictions import predict_replicate

    predict_replicate(
        **snakemake.input,
        **settings(snakemake),
        replicate=snakemake.wildcards.replicate,
        outputs=dict(snakemake.output.items()),
    )
