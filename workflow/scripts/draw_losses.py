from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.losses import draw_losses
    from augtrial.figures.runs import read_histories
    from augtrial.figures.style import Look

    history = read_histories(snakemake.input.histories)
    look, name = Look(**snakemake.params.look), snakemake.wildcards.synthesizer
    draw_losses(history, look, synthesizer=name).save(**dict(snakemake.output.items()))
