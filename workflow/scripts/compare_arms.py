from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.comparison import compare_arms

    compare_arms(**snakemake.input, **settings(snakemake), tables=dict(snakemake.output.items()))
