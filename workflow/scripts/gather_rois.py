from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    parts = [pd.read_csv(path, dtype={"patient_id": str}) for path in snakemake.input]
    table = pd.concat(parts).set_index("lesion_id").loc[snakemake.params.lesions].reset_index()
    table.to_csv(snakemake.output.table, index=False, float_format="%.6g")
