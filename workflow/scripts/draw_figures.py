from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.figures import draw_figures

    draw_figures(**settings(snakemake), **snakemake.output)
