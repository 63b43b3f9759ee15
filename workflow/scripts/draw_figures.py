from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.drawer import draw
    from augtrial.figures.style import Look

    look = Look(**snakemake.params.look)
    outputs = zip(snakemake.output.svg, snakemake.output.pdf, snakemake.output.csv, strict=True)
    for figure, files in zip(snakemake.params.figures, outputs, strict=True):
        draw(figure["kind"], figure["sources"], look, figure["facts"]).save(*files)
