from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.contact_sheet import draw_contact_sheet
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_arrays, read_table

    rois = read_arrays(snakemake.input.rois)
    measured = read_table(snakemake.input.table)
    drawing = draw_contact_sheet(rois, measured, Look(**snakemake.params.look))
    drawing.save(**dict(snakemake.output.items()))
