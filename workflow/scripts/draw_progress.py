from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.progress import draw_progress
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_arrays

    drawing = draw_progress(
        # Networks of one synthesizer keep the same epochs; each has classes of its own.
        read_arrays(snakemake.input.progress, join=False),
        Look(**snakemake.params.look),
        synthesizer=snakemake.wildcards.synthesizer,
    )
    drawing.save(**dict(snakemake.output.items()))
