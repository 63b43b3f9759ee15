from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.fidelity import gather_fidelity

    gather_fidelity(**arguments(snakemake))
