from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.phantom import draw_phantom

    draw_phantom(
        table=snakemake.output.table,
        phantom=snakemake.params.phantom,
        processes=snakemake.threads,
    )
