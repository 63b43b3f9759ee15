from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.provenance import record_study

    record_study(snakemake.params.facts, snakemake.input, record=snakemake.output.record)
