from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial.files import write_table

    parts = [pd.read_csv(path, dtype={"patient_id": str}) for path in snakemake.input]
    table = pd.concat(parts).set_index("lesion_id").loc[snakemake.params.lesions].reset_index()
    write_table(snakemake.output.table, table, float_format="%.6g")
