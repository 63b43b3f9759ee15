"""The job of the report: one page from a study's record, tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from augtrial.config.load import settings_model
from augtrial.config.settings import Settings
from augtrial.core.io import atomic_write, read_json, read_table
from augtrial.core.registry import synthesizers, tasks
from augtrial.reporting.report.page import EmbeddedFigure, write_page


def describe_synthesizers(settings: Settings) -> dict[str, str]:
    """Return what each synthesizer of a study says of itself, by name."""
    used = settings.used_synthesizers.items()
    return {name: synthesizers[values.kind].describe(values) for name, values in used}


def write_report(
    *,
    record: str | Path,
    tables: Mapping[str, str | Path],
    figures: Mapping[str, str | Path],
    captions: Mapping[str, str],
    note: str,
    order: Sequence[str],
    page: str | Path,
) -> None:
    """Write the report as one HTML page.

    `tables` are those of `page.TABLES`; `figures` the SVG files by name, in the order of the page;
    `captions` as the workflow's report folder has them; `order` that of the arms.
    """
    facts = read_json(record)
    settings = settings_model().model_validate(facts["settings"])
    html = write_page(
        facts,
        results={name: read_table(path) for name, path in tables.items()},
        figures=[
            EmbeddedFigure(name, Path(path).read_text(encoding="utf-8"), captions[name])
            for name, path in figures.items()
        ],
        synthesizers=describe_synthesizers(settings),
        classifier=tasks[settings.task].describe(settings.classifier),
        note=note,
        order=order,
    )
    with atomic_write(page) as draft:
        draft.write_text(html, encoding="utf-8")
