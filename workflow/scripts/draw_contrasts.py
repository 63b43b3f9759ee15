from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.contrasts import draw_contrasts
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    table = read_table(snakemake.input.contrasts)
    draw_contrasts(table, Look(**snakemake.params.look)).save(**dict(snakemake.output.items()))
