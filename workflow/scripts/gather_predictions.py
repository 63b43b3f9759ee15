from augtrial.jobs import job

with job(snakemake):
    from augtrial.files import write_table
    from augtrial.predictions import read_predictions

    for name, path in snakemake.output.items():
        write_table(path, read_predictions(snakemake.input[name]))
