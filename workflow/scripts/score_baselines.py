from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.baselines import score_baselines

    score_baselines(**arguments(snakemake), replicate=snakemake.wildcards.replicate)
