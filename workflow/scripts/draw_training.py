from augtrial.jobs import job

with job(snakemake):
    from augtrial.figures.runs import read_histories
    from augtrial.figures.style import Look
    from augtrial.figures.training import draw_training

    history = read_histories(snakemake.input.histories).rename(columns={"recipe": "arm"})
    drawing = draw_training(history, Look(**snakemake.params.look))
    drawing.save(**dict(snakemake.output.items()))
