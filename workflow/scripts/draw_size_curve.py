from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.size_curve import draw_size_curve
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    drawing = draw_size_curve(
        read_table(snakemake.input.curve),
        read_table(snakemake.input.endpoints),
        Look(**snakemake.params.look),
        curves=snakemake.params.curves,
        arms=snakemake.params.arms,
    )
    drawing.save(**dict(snakemake.output.items()))
