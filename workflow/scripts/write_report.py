from augtrial.jobs import job

with job(snakemake):
    from pathlib import Path

    from augtrial.figures.tables import read_table
    from augtrial.files import read_json, written_whole
    from augtrial.report.page import TABLES, Shown, write_page

    params, paths = snakemake.params, snakemake.input
    page = write_page(
        read_json(paths.record),
        tables={name: read_table(paths[name]) for name in TABLES},
        figures=[
            Shown(name, Path(svg).read_text(encoding="utf-8"), params.captions[name])
            for name, svg in zip(params.figures, paths.figures, strict=True)
        ],
        note=params.note,
        order=params.order,
    )
    with written_whole(snakemake.output.page) as draft:
        draft.write_text(page, encoding="utf-8")
