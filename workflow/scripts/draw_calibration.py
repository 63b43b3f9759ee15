from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.calibration import draw_calibration
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    reliability = read_table(snakemake.input.reliability)
    calibration = read_table(snakemake.input.calibration)
    drawing = draw_calibration(reliability, calibration, Look(**snakemake.params.look))
    drawing.save(**dict(snakemake.output.items()))
