"""The report of a study as one HTML page that needs nothing beside it."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from augtrial.figures.wording import count
from augtrial.report import rows, words
from augtrial.report.checklist import checklist
from augtrial.report.verdicts import blindness, verdict_lines
from augtrial.settings import Settings

HERE = Path(__file__).parent
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"
TABLES = ("endpoints", "contrasts", "verdicts", "secondary", "fidelity_means")
FILES = {
    "predictions.csv": "every lesion's out-of-fold prediction by each arm and replicate",
    "folds.csv": "which fold holds out which lesion, in each replicate",
    "rois.csv": "place, diameter and grey values of every lesion",
    "tables/endpoints.csv": "endpoints with intervals",
    "tables/contrasts.csv": "differences with intervals and variance components",
    "tables/verdicts.csv": "the verdicts, with what they stand on and what would change them",
    "tables/secondary.csv": "other tests, beside the verdicts",
    "tables/training.csv": "final training loss of every classifier",
    "tables/confusion.csv": "confusion matrices by replicate",
    "tables/calibration.csv": "Brier score and expected calibration error",
    "tables/reliability.csv": "share right by the probability given",
    "tables/roc.csv": "sensitivity by false positive rate, for each class",
    "tables/fidelity.csv": "measures of the synthetic images, training by training",
    "tables/fidelity_means.csv": "their means beside held-out real lesions",
    "tables/curve.csv": "endpoints by training-set size",
    "tables/updates.csv": "endpoints by number of gradient updates",
    "tables/subsets.csv": "endpoints by share of the training patients",
    "tables/subset_contrasts.csv": "differences by share of the training patients",
    "tables/embedding_neighbours.csv": "nearest-neighbour accuracy beside the t-SNE",
    "study.json": "settings, versions and devices",
}


@dataclass(frozen=True)
class Shown:
    """A figure for the page: its name, its SVG as text, and its caption from workflow/report."""

    name: str
    svg: str
    caption: str

    @property
    def source(self) -> str:
        """Return the picture as a data URI."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"

    @property
    def title(self) -> str:
        """Return the title that the SVG carries."""
        return self._text("{http://www.w3.org/2000/svg}title") or self.name

    @property
    def alt(self) -> str:
        """Return the description that the SVG carries."""
        return self._text(DESCRIPTION) or self.title

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in CSS pixels."""
        root = ElementTree.fromstring(self.svg)
        width, height = (
            float(root.get(name, "0").removesuffix("pt")) for name in ("width", "height")
        )
        return round(width * 96 / 72), round(height * 96 / 72)

    @property
    def text(self) -> str:
        """Return the caption without its title and its line breaks."""
        body = re.sub(r"^\*\*.+?\*\*\s*", "", self.caption.strip(), flags=re.DOTALL)
        return " ".join(body.split())

    def _text(self, path: str) -> str:
        return ElementTree.fromstring(self.svg).findtext(path) or ""


def write_page(
    record: dict[str, Any],
    *,
    tables: dict[str, pd.DataFrame],
    figures: Sequence[Shown],
    note: str = "",
    order: Sequence[str] = (),
) -> str:
    """Return the report as HTML.

    Args:
        record: study.json.
        tables: the tables of `TABLES` by name, from the results' folder tables/.
        figures: in the order of the page.
        note: a sentence for the top.
        order: the arms as they are shown; empty for the study's order.
    """
    settings = Settings.model_validate(record["settings"])
    place = {name: number for number, name in enumerate(order or settings.arms)}
    arms = sorted(settings.arms.items(), key=lambda item: place[item[0]])
    endpoints, contrasts = tables["endpoints"], tables["contrasts"]
    endpoints = endpoints.sort_values("arm", key=lambda names: names.map(place), kind="stable")
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = count
    return environment.get_template("template.html").render(
        record=record,
        note=note,
        settings=settings,
        confidence=f"{100 * settings.confidence:g} %",
        lesions=words.lesions(record),
        recipes={name: words.recipe(arm, settings) for name, arm in arms},
        trained_on=len(record["folds"]) - 1,
        cautions=list(words.cautions(record, settings)),
        blindness=blindness(tables["verdicts"], settings.positive_controls),
        verdicts=verdict_lines(tables["verdicts"]),
        secondary=rows.secondary(tables["secondary"]),
        differences=rows.differences(contrasts),
        all_differences=rows.all_differences(contrasts),
        comparison=rows.comparison(endpoints, list(record["classes"])),
        all_endpoints=rows.all_endpoints(endpoints),
        fidelity=rows.fidelity(tables["fidelity_means"]),
        copies=words.copies(tables["fidelity_means"]),
        figures=figures,
        methods=list(words.methods(record, settings)),
        checklist=checklist(record, settings, tables["verdicts"]),
        setting_rows=rows.setting_rows(settings),
        files=FILES,
    )
