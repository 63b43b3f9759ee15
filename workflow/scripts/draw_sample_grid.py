from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.samples import draw_samples
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_arrays

    drawing = draw_samples(
        read_arrays(snakemake.input.rois),
        read_arrays(snakemake.input.samples),
        Look(**snakemake.params.look),
        synthesizer=snakemake.wildcards.synthesizer,
    )
    drawing.save(**dict(snakemake.output.items()))
