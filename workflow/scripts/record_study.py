from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.provenance import record_study

    record_study(**arguments(snakemake))
