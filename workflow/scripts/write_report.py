from augtrial.pipeline.script_context import job, settings

with job(snakemake):
    from augtrial.jobs.report import write_report
    from augtrial.reporting.report.page import TABLES

    paths, captions = snakemake.input, snakemake.params.captions
    write_report(
        record=paths.record,
        tables={name: paths[name] for name in TABLES},
        figures=dict(zip(captions, paths.figures, strict=True)),
        **settings(snakemake),
        **snakemake.output,
    )
