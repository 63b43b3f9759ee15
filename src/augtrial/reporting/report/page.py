"""The report of a study as one HTML page that needs nothing beside it."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from augtrial.config.load import settings_model
from augtrial.core.names import count
from augtrial.reporting.report import prose, tables
from augtrial.reporting.report.checklist import checklist
from augtrial.reporting.report.verdicts import assay_sensitivity, verdict_lines
from augtrial.statistics.intervals import MIN_FOR_INTERVAL

HERE = Path(__file__).parent
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"
TABLES = (
    *("endpoints", "contrasts", "verdicts", "secondary", "sensitivity"),
    *("fitness", "fidelity_means"),
)
FILES = {
    "predictions.csv": "every lesion's out-of-fold prediction by each arm and replicate",
    "folds.csv": "which fold holds out which lesion, in each replicate",
    "rois.csv": "place, diameter and grey values of every lesion",
    "tables/endpoints.csv": "endpoints with intervals",
    "tables/contrasts.csv": "differences with intervals and variance components",
    "tables/verdicts.csv": "the verdicts, their basis, and the numbers needed for the margin",
    "tables/secondary.csv": "secondary tests, not used for the verdicts",
    "tables/sensitivity.csv": "the verdicts under other analyses",
    "tables/training.csv": "final training loss of every classifier, and whether it converged",
    "tables/fitness.csv": "what each synthesizer's fitness was judged by, and the limits",
    "tables/confusion.csv": "confusion matrices by replicate",
    "tables/calibration.csv": "Brier score and expected calibration error",
    "tables/reliability.csv": "accuracy by the probability of the predicted class",
    "tables/roc.csv": "sensitivity by false positive rate, for each class",
    "tables/fidelity.csv": "measures of the synthetic images, for each training",
    "tables/fidelity_means.csv": "their means, with those of held-out real lesions",
    "tables/curve.csv": "endpoints by training-set size",
    "tables/updates.csv": "endpoints by number of gradient updates",
    "tables/subsets.csv": "endpoints by share of the training patients",
    "tables/subset_contrasts.csv": "differences by share of the training patients",
    "tables/embedding_neighbours.csv": "nearest-neighbour accuracy of the t-SNE figure",
    "study.json": "settings, versions, devices, and whether the lock was kept",
}


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure for the page: its name, its SVG as text, and its caption from workflow/report."""

    name: str
    svg: str
    caption: str

    @property
    def source(self) -> str:
        """Return the picture as a data URI."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"

    @cached_property
    def _root(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.svg)

    @property
    def title(self) -> str:
        """Return the title that the SVG carries."""
        return self._root.findtext("{http://www.w3.org/2000/svg}title") or self.name

    @property
    def alt(self) -> str:
        """Return the description that the SVG carries."""
        return self._root.findtext(DESCRIPTION) or self.title

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in CSS pixels."""
        lengths = (self._root.get(name, "0") for name in ("width", "height"))
        points = [float(length.removesuffix("pt")) for length in lengths]
        return round(points[0] * 96 / 72), round(points[1] * 96 / 72)

    @property
    def text(self) -> str:
        """Return the caption without its title and its line breaks."""
        body = re.sub(r"^\*\*.+?\*\*\s*", "", self.caption.strip(), flags=re.DOTALL)
        return " ".join(body.split())


def write_page(
    record: dict[str, Any],
    *,
    results: Mapping[str, pd.DataFrame],
    figures: Sequence[EmbeddedFigure],
    synthesizers: Mapping[str, str],
    classifier: str,
    note: str = "",
    order: Sequence[str] = (),
) -> str:
    """Return the report of a study's record (study.json) as HTML.

    `results` are the tables of `TABLES` by name; `synthesizers` and `classifier` describe these;
    `note` is a sentence for the top, `order` that of the arms where it is not the study's.
    """
    settings = settings_model().model_validate(record["settings"])
    position = {name: number for number, name in enumerate(order or settings.arms)}
    arms = sorted(settings.arms.items(), key=lambda item: position[item[0]])
    endpoints, contrasts, verdicts, *other_tests, means = (results[name] for name in TABLES)
    endpoints = endpoints.sort_values("arm", key=lambda arm: arm.map(position), kind="stable")
    blocks: dict[str, Any] = {
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
    }
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, **blocks)
    environment.filters["count"] = count
    return environment.get_template("template.html").render(
        record=record,
        note=note,
        settings=settings,
        confidence=f"{100 * settings.confidence:g} %",
        min_for_interval=MIN_FOR_INTERVAL,
        lesions=prose.lesions(record),
        recipes={name: prose.recipe(arm, settings) for name, arm in arms},
        trained_on=len(record["folds"]) - 1,
        cautions=list(prose.cautions(record, settings)),
        registration=prose.registration(record),
        assay_sensitivity=assay_sensitivity(verdicts),
        verdicts=verdict_lines(verdicts),
        secondary=tables.secondary(other_tests[0]),
        sensitivity=tables.sensitivity(other_tests[1]),
        differences=tables.differences(contrasts),
        all_differences=tables.all_differences(contrasts),
        comparison=tables.comparison(endpoints, list(record["classes"])),
        all_endpoints=tables.all_endpoints(endpoints),
        fitness=tables.fitness(other_tests[2]),
        judgements=prose.judgements(other_tests[2]),
        fidelity=tables.fidelity(means),
        copies=prose.copies(means),
        figures=figures,
        methods=list(prose.methods(record, settings, synthesizers, classifier)),
        checklist=checklist(record, settings, verdicts),
        setting_rows=tables.setting_rows(settings),
        files=FILES,
    )
