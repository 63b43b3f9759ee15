"""A reporting checklist in the manner of CLAIM, filled in as far as the study's record knows.

Source of the subjects: Mongan, Moy, Kahn, Radiol Artif Intell 2:e200029 (2020), the Checklist for
Artificial Intelligence in Medical Imaging; the wording here is this project's own.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from augtrial.config.settings import Settings
from augtrial.core.names import PRIMARY_ENDPOINTS, count
from augtrial.reporting.figures.wording import listed
from augtrial.reporting.report.prose import registration
from augtrial.reporting.report.tables import Cell, Table
from augtrial.reporting.report.verdicts import detectable_range, primary_name
from augtrial.statistics.verdicts import PRIMARY

AUTHOR = "for the author"
Record = dict[str, Any]
Item = tuple[str, str, str]  # section, subject, answer; empty where only the author knows


def checklist(record: Record, settings: Settings, verdicts: pd.DataFrame) -> Table:
    """Return the checklist: section, subject, and what the study knows or the author must say."""
    phantom = settings.cohort.table == "phantom"
    items = [
        *_data(record, settings, _detectable(verdicts), phantom=phantom),
        *_model(record, settings),
        *_evaluation(record, settings, phantom=phantom),
    ]
    rows = [
        [Cell(section), Cell(subject), Cell(text or AUTHOR)] for section, subject, text in items
    ]
    return Table(["Section", "Subject", "Answer"], rows)


def _data(record: Record, settings: Settings, detectable: str, *, phantom: bool) -> Iterator[Item]:
    not_applicable = "Not applicable." if phantom else ""
    yield "Title", "the AI method and the kind of study", ""
    yield "Introduction", "background, intended use, aims and hypotheses", ""
    design = "A comparison of recipes for training sets on one cohort, by cross-validation"
    arms = count(len(settings.arms), "arm")
    yield "Study design", "the design and its goal", f"{design}; {arms}."
    collection = "None: the cases are simulated." if phantom else ""
    yield "Study design", "prospective or retrospective collection", collection
    yield "Data", "source", "The built-in phantom; no patient's data." if phantom else ""
    yield "Data", "who was eligible, when and where", not_applicable
    roi, (low, high) = settings.roi, settings.roi.window
    preprocessing = (
        f"Square ROI of the largest axial slice, margin {roi.margin:g} of the diameter, window "
        f"{low:g} to {high:g}, {roi.size} x {roi.size} pixels."
    )
    yield "Data", "preprocessing", preprocessing
    yield "Data", "de-identification", not_applicable
    stops = "If the image or mask of a lesion cannot be read, the study does not start"
    yield "Data", "missing data", f"{stops}; the pipeline excluded no lesion."
    known = "Known by construction." if phantom else ""
    yield "Reference standard", "its definition and rationale", known
    yield "Reference standard", "readers, their tool, and their agreement", not_applicable
    classes = listed([f"{number} {label}" for label, number in record["classes"].items()])
    size = f"{count(record['lesions'], 'lesion')} ({classes}). {detectable}".strip()
    yield "Data partitions", "intended sample size and how it was found", size
    from_table = ", given by the table" if record["given_folds"] else ""
    unit = "patient" if record["patients"] else "lesion, since patients are not known"
    split = f"{count(len(record['folds']), 'fold')}{from_table}, {_replicates(record)}; by {unit}."
    yield "Data partitions", "how data were split, and at which level parts are disjoint", split


def _replicates(record: Record) -> str:
    return count(len(record["replicates"]), "replicate")


def _model(record: Record, settings: Settings) -> Iterator[Item]:
    networks = [f"{name} ({s.kind})" for name, s in settings.used_synthesizers.items()]
    structure = "The methods describe the classifier"
    structure += f" and the synthesizers: {listed(networks)}." if networks else "."
    yield "Model", "its structure", structure
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    yield "Model", "software", f"{versions}."
    yield "Model", "initial weights", "As described in the methods, under the classifier."
    trainings = count(sum(record["devices"].values()), "training")
    chosen = "all hyperparameters are in the settings; none was selected on held-out lesions"
    yield "Training", "augmentation, hyperparameters, number of models", f"{trainings}; {chosen}."
    yield "Training", "selection of the final model", "The network of the last update."
    yield "Training", "ensembles", "None."


def _evaluation(record: Record, settings: Settings, *, phantom: bool) -> Iterator[Item]:
    primary = primary_name(*PRIMARY_ENDPOINTS[settings.primary_endpoint])
    yield "Evaluation", "measures of performance", f"Primary: {primary}; the others are secondary."
    statistics = (
        f"{100 * settings.confidence:g} % intervals over patients and replicates; Holm over "
        f"{count(len(settings.contrasts), 'contrast')}; margin {100 * settings.margin:g} points"
        f"{f' ({settings.margin_reason})' if settings.margin_reason else ''}."
    )
    yield "Evaluation", "statistics and uncertainty", statistics
    controls = [name for name, arm in settings.arms.items() if arm.is_control]
    controlled = f"controls: {listed(controls)}." if controls else "no control arms."
    recipe = f"{_replicates(record)} of the whole procedure"
    yield "Evaluation", "robustness and controls", f"{recipe}; {controlled}"
    yield "Evaluation", "explanation of single predictions", "None."
    yield "Evaluation", "test on external data", ""
    flow = "Not applicable." if phantom else ""
    yield "Results", "flow and characteristics of participants", flow
    yield "Results", "performance with uncertainty", "Tables of endpoints and of differences."
    yield "Results", "failure analysis", "Confusion matrices, and predictions.csv by lesion."
    yield "Discussion", "limits, bias, generalisability, use in practice", ""
    registered = f"Settings hash {record['config_hash']}. {registration(record)[0]}"
    yield "Other", "registration and full protocol", registered
    yield "Other", "availability of code and data", ""
    yield "Other", "funding and the role of funders", ""


def _detectable(verdicts: pd.DataFrame) -> str:
    primary = verdicts[verdicts["role"] == PRIMARY]
    if primary.empty or primary["detectable_low"].isna().all():
        return ""
    return f"With 80 % power the primary contrast detects {detectable_range(primary.iloc[0])}."
