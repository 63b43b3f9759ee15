from augtrial.pipeline.script_context import job

with job(snakemake):
    from augtrial.jobs.predictions import gather_predictions

    for name, output in snakemake.output.items():
        gather_predictions(snakemake.input[name], output, arms=snakemake.params.arms)
