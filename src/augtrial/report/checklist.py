"""A reporting checklist in the manner of CLAIM, filled in as far as the study's record knows.

Source of the subjects: Mongan, Moy, Kahn, Radiol Artif Intell 2:e200029 (2020), the Checklist for
Artificial Intelligence in Medical Imaging; the wording here is this project's own.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from augtrial.figures.wording import count, listed, points
from augtrial.report.rows import Cell, Table
from augtrial.report.verdicts import primary_name
from augtrial.settings import PRIMARY_ENDPOINTS, Settings

AUTHOR = "for the author"


def checklist(record: dict[str, Any], settings: Settings, verdicts: pd.DataFrame) -> Table:
    """Return the checklist: section, subject, and what the study knows or that the author must say.

    Args:
        record: study.json.
        settings: the study's.
        verdicts: tables/verdicts.csv.
    """
    items = list(_items(record, settings, verdicts))
    rows = [
        [Cell(section, value=number), Cell(subject), Cell(answer or AUTHOR)]
        for number, (section, subject, answer) in enumerate(items)
    ]
    return Table(["Section", "Subject", "Answer"], rows)


def _items(
    record: dict[str, Any], settings: Settings, verdicts: pd.DataFrame
) -> Iterator[tuple[str, str, str]]:
    patients = record["patients"]
    arms, folds = len(settings.arms), count(len(record["folds"]), "fold")
    replicates = count(len(record["replicates"]), "replicate")
    classes = listed([f"{number} {label}" for label, number in record["classes"].items()])
    phantom = settings.cohort.table == "phantom"

    yield "Title", "the AI method and the kind of study", ""
    yield "Introduction", "background, intended use, aims and hypotheses", ""
    design = "A comparison of recipes for training sets on one cohort, by cross-validation"
    yield "Study design", "the design and its goal", f"{design}; {count(arms, 'arm')}."
    yield (
        "Study design",
        "prospective or retrospective collection",
        "" if not phantom else "None: the cases are simulated.",
    )
    yield "Data", "source", "The built-in phantom; no patient's data." if phantom else ""
    yield "Data", "who was eligible, when and where", "Not applicable." if phantom else ""
    low, high = settings.roi.window
    yield (
        "Data",
        "preprocessing",
        f"Square ROI of the largest axial slice, margin {settings.roi.margin:g} of the diameter, "
        f"window {low:g} to {high:g}, {settings.roi.size} x {settings.roi.size} pixels.",
    )
    yield "Data", "de-identification", "Not applicable." if phantom else ""
    yield (
        "Data",
        "missing data",
        "A lesion whose image or mask cannot be read stops the study before it begins; none was "
        "left out by the pipeline.",
    )
    yield (
        "Reference standard",
        "its definition and rationale",
        ("Known by construction." if phantom else ""),
    )
    yield (
        "Reference standard",
        "who read, with what tool, and how well they agreed",
        ("Not applicable." if phantom else ""),
    )
    yield (
        "Data partitions",
        "intended sample size and how it was found",
        f"{count(record['lesions'], 'lesion')} ({classes}). {_detectable(verdicts)}".strip(),
    )
    unit = "patient" if patients else "lesion, since patients are not known"
    given = ", given by the table" if record["given_folds"] else ""
    yield (
        "Data partitions",
        "how data were split, and at which level parts are disjoint",
        f"{folds}{given}, {replicates}; by {unit}.",
    )
    networks = [f"{name} ({s.network})" for name, s in settings.used_synthesizers.items()]
    yield (
        "Model",
        "its structure",
        "A CNN as the methods state it"
        + (f"; synthesizers: {listed(networks)}" if networks else "")
        + ".",
    )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    yield "Model", "software", f"{versions}."
    yield "Model", "how weights begin", "Glorot-uniform, biases zero; no pretraining."
    yield (
        "Training",
        "augmentation, hyperparameters, number of models",
        f"{count(sum(record['devices'].values()), 'training')}; all hyperparameters stand in the "
        "settings, and none was chosen on held-out lesions.",
    )
    yield "Training", "how the final model is chosen", "The network of the last update."
    yield "Training", "ensembles", "None."
    primary = primary_name(*PRIMARY_ENDPOINTS[settings.primary_endpoint])
    yield "Evaluation", "measures of performance", f"{primary} decides; the others stand beside it."
    yield (
        "Evaluation",
        "statistics and uncertainty",
        f"{100 * settings.confidence:g} % intervals over patients and replicates; Holm over "
        f"{count(len(settings.contrasts), 'contrast')}; margin {100 * settings.margin:g} points.",
    )
    controls = [name for name, arm in settings.arms.items() if arm.is_control]
    yield (
        "Evaluation",
        "robustness and controls",
        (
            f"{replicates} of the whole recipe; controls: {listed(controls)}."
            if controls
            else f"{replicates} of the whole recipe; no control arms."
        ),
    )
    yield "Evaluation", "explanation of single answers", "None."
    yield "Evaluation", "test on data from elsewhere", ""
    yield "Results", "flow of participants, and who they were", "Not applicable." if phantom else ""
    yield "Results", "performance with uncertainty", "Tables of endpoints and of differences."
    yield "Results", "where it fails", "Confusion matrices, and predictions.csv lesion by lesion."
    yield "Discussion", "limits, bias, generalisability, use in practice", ""
    yield (
        "Other",
        "registration and full protocol",
        (f"Settings hash {record['config_hash']}; registration is for the author."),
    )
    yield "Other", "where code and data are", ""
    yield "Other", "funding and the role of funders", ""


def _detectable(verdicts: pd.DataFrame) -> str:
    if verdicts.empty or verdicts["detectable"].isna().all():
        return ""
    least = points(verdicts["detectable"].iloc[0]).lstrip("+")
    return f"With 80 % power the primary contrast detects {least} points."
