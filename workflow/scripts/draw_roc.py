from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.roc import draw_roc
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    table = read_table(snakemake.input.roc)
    draw_roc(table, Look(**snakemake.params.look)).save(**dict(snakemake.output.items()))
