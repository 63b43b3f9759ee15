from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.confusion import draw_confusion
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    table = read_table(snakemake.input.confusion)
    draw_confusion(table, Look(**snakemake.params.look)).save(**dict(snakemake.output.items()))
