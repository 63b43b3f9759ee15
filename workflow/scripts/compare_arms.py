from augtrial.jobs import job

with job(snakemake):
    from augtrial.comparison import compare_networks
    from augtrial.curves import subset_tables
    from augtrial.figures.runs import read_histories
    from augtrial.files import write_table
    from augtrial.predictions import read_predictions

    params, paths = snakemake.params, snakemake.input
    predictions = read_predictions(paths.predictions)
    tables = compare_networks(
        predictions,
        read_histories(paths.histories).rename(columns={"recipe": "arm"}),
        params.contrasts,
        classes=params.classes,
        curves=read_predictions(paths.curves),
        stops=read_predictions(paths.stops),
        endpoint=params.endpoint,
        margin=params.margin,
        confidence=params.confidence,
    )
    tables |= subset_tables(
        read_predictions(paths.subsets),
        predictions,
        params.contrasts,
        sizes=params.sizes,
        confidence=params.confidence,
    )
    for name, table in tables.items():
        table["conditional_on"] = params.conditional_on
        write_table(snakemake.output[name], table)
