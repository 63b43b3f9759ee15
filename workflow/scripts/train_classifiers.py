from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.classifiers import train_classifiers

    train_classifiers(
        rois=snakemake.input.rois,
        variants=snakemake.input.variants,
        contexts=snakemake.input.contexts,
        **snakemake.wildcards,
        **snakemake.params,
        workers=snakemake.threads,
        outputs=dict(snakemake.output.items()),
    )
