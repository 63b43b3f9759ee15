from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table
    from augtrial.figures.updates import draw_updates

    drawing = draw_updates(read_table(snakemake.input.updates), Look(**snakemake.params.look))
    drawing.save(**dict(snakemake.output.items()))
