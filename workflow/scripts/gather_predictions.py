from augtrial.jobs import job

with job(snakemake):
    from augtrial.files import write_table
    from augtrial.predictions import read_predictions

    write_table(snakemake.output.table, read_predictions(snakemake.input))
