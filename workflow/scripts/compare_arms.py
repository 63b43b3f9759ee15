from augtrial.jobs import job

with job(snakemake):
    from augtrial.contrasts import contrast_table
    from augtrial.curves import curve_table
    from augtrial.endpoints import confusion_table, endpoint_table
    from augtrial.predictions import read_predictions

    params, output = snakemake.params, snakemake.output
    predictions = read_predictions(snakemake.input.predictions)
    curves = read_predictions(snakemake.input.curves)
    tables = {
        output.endpoints: endpoint_table(predictions, confidence=params.confidence),
        output.contrasts: contrast_table(
            predictions, params.contrasts, confidence=params.confidence
        ),
        output.confusion: confusion_table(predictions),
        output.curve: curve_table(curves, confidence=params.confidence),
    }
    for path, table in tables.items():
        table["conditional_on"] = params.conditional_on
        table.to_csv(path, index=False)
