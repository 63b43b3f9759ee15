from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial.figures.tables import read_table
    from augtrial.files import write_table

    table = pd.concat([read_table(path) for path in snakemake.input]).set_index("lesion_id")
    table = table.loc[snakemake.params.lesions].reset_index()
    write_table(snakemake.output.table, table, float_format="%.6g")
