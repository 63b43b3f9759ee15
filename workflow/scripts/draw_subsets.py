from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.style import Look
    from augtrial.figures.subsets import draw_subsets
    from augtrial.figures.tables import read_table

    drawing = draw_subsets(
        read_table(snakemake.input.subsets),
        read_table(snakemake.input.contrasts),
        Look(**snakemake.params.look),
    )
    drawing.save(**dict(snakemake.output.items()))
