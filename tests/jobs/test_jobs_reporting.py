"""Figures and the report as jobs: from files to files."""

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import made_up
from augtrial.core.io import write_json, write_table
from augtrial.jobs.figures import draw_figures
from augtrial.jobs.report import write_report
from augtrial.reporting.report.page import TABLES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    for name, table in made_up.tables().items():
        write_table(folder / f"{name}.csv", table)
    write_json(folder / "study.json", made_up.record())
    return folder


@pytest.fixture(scope="module")
def drawn(folder):
    """Draw two figures; return the files by name and suffix."""
    sources = {"contrasts": {"table": "contrasts"}, "updates": {"updates": "updates"}}
    files = {s: [str(folder / f"{name}.{s}") for name in sources] for s in ("svg", "pdf")}
    files["csv"] = [str(folder / f"{name}.data.csv") for name in sources]
    figures = [
        {
            "kind": kind,
            "sources": {key: str(folder / f"{table}.csv") for key, table in tables.items()},
            "facts": {},
        }
        for kind, tables in sources.items()
    ]
    style = {"arms": ["none"], "classes": ["cyst"], "labels": {"none": "keine"}}
    draw_figures(figures, style, **files)
    return dict(zip(sources, files["svg"], strict=True)), files


def test_each_figure_is_written_in_three_files(drawn):
    svg, files = drawn
    for name, path in svg.items():
        text = "".join(ElementTree.parse(path).getroot().itertext())
        assert {"contrasts": "Differences between arms", "updates": "keine"}[name] in text
    for path in files["csv"]:
        assert len(pd.read_csv(path))
    assert all(Path(path).read_bytes().startswith(b"%PDF") for path in files["pdf"])


def test_the_report_holds_record_tables_and_figures(folder, drawn):
    svg, _ = drawn
    write_report(
        record=folder / "study.json",
        tables={name: folder / f"{name}.csv" for name in TABLES},
        figures=svg,
        captions={name: f"**{name}.** The caption of {name}." for name in svg},
        note="Made up.",
        order=["classic", "none", "classic+dcgan"],
        page=folder / "report.html",
    )
    text = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("The caption of updates.", "Made up.", "A DCGAN for each class, trained for"):
        assert words in text
    assert text.index("<dt>classic</dt>") < text.index("<dt>none</dt>")
    assert text.count("data:image/svg+xml") == 2
