from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.embedding import draw_embedding
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    points = read_table(snakemake.input.points)
    neighbours = read_table(snakemake.input.neighbours)
    drawing = draw_embedding(points, neighbours, Look(**snakemake.params.look))
    drawing.save(**dict(snakemake.output.items()))
