from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.fidelity import draw_fidelity
    from augtrial.figures.style import Look
    from augtrial.figures.tables import read_table

    means = read_table(snakemake.input.means)
    draw_fidelity(means, Look(**snakemake.params.look)).save(**dict(snakemake.output.items()))
