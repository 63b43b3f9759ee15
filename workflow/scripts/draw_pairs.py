from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.pairs import draw_pairs
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_arrays

    drawing = draw_pairs(
        read_arrays([snakemake.input.pairs]),
        Look(**snakemake.params.look),
        synthesizer=snakemake.wildcards.synthesizer,
    )
    drawing.save(**dict(snakemake.output.items()))
