from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.fidelity import gather_fidelity

    gather_fidelity(**snakemake.input, **snakemake.output)
