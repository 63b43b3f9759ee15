from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial.appraisal import COLUMNS, summarise, unit_of
    from augtrial.figures.tables import read_table
    from augtrial.files import write_table

    names = ["replicate", "fold", "synthesizer"]
    tables = [read_table(path) for path in snakemake.input.tables]
    table = pd.concat(tables) if tables else pd.DataFrame(columns=[*names, *COLUMNS])
    table["unit"] = table["measure"].map(unit_of)
    write_table(snakemake.output.table, table)
    write_table(snakemake.output.means, summarise(table))
