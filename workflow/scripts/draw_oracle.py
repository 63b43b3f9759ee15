from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.oracle import draw_oracle

    draw_oracle(**snakemake.wildcards, **settings(snakemake), **snakemake.output)
