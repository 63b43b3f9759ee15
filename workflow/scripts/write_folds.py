from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial.files import write_table

    columns = ["lesion_id", "patient_id", "replicate", "fold"]
    folds = pd.DataFrame(snakemake.params.rows, columns=columns)
    write_table(snakemake.output.folds, folds)
