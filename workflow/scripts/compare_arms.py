from augtrial.jobs import job

with job(snakemake):
    from augtrial.comparison import compare
    from augtrial.curves import curve_table, subset_tables, updates_table
    from augtrial.figures.runs import read_histories
    from augtrial.files import write_table
    from augtrial.learned import training_table, untrained_arms
    from augtrial.predictions import read_predictions

    params, paths = snakemake.params, snakemake.input
    histories = read_histories(paths.histories).rename(columns={"recipe": "arm"})
    predictions = read_predictions(paths.predictions)
    training = training_table(histories, predictions, params.classes)
    tables = compare(
        predictions,
        params.contrasts,
        endpoint=params.endpoint,
        margin=params.margin,
        confidence=params.confidence,
        untrained=untrained_arms(training),
    )
    tables["training"] = training
    tables["curve"] = curve_table(read_predictions(paths.curves), confidence=params.confidence)
    stops = read_predictions(paths.stops)
    tables["updates"] = updates_table(stops, predictions, training, confidence=params.confidence)
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
