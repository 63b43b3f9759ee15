from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    columns = ["lesion_id", "patient_id", "replicate", "fold"]
    folds = pd.DataFrame(snakemake.params.rows, columns=columns)
    folds.to_csv(snakemake.output.folds, index=False)
