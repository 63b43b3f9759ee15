from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.endpoints import draw_endpoints
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    table = read_table(snakemake.input.endpoints)
    draw_endpoints(table, Look(**snakemake.params.look)).save(**dict(snakemake.output.items()))
