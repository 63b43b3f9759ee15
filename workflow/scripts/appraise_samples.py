from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.fidelity import appraise_samples

    appraise_samples(**arguments(snakemake), replicate=snakemake.wildcards.replicate)
