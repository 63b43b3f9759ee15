from augtrial.jobs import job

with job(snakemake):
    from augtrial.predictions import read_predictions

    read_predictions(snakemake.input).to_csv(snakemake.output.table, index=False)
