"""The design of a study, and what it could show, before any training (docs/plan.md)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice

import numpy as np
import pandas as pd

from augtrial.cohort.folds import nested_order
from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.core.names import PRIMARY_ENDPOINTS, contrast_question
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.plan import expected_hours
from augtrial.pipeline.study import Study
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.components import Scenarios, balance
from augtrial.statistics.outcomes import Outcome
from augtrial.statistics.panel import paired_allowance
from augtrial.statistics.power import AS_PLANNED, TRUTHS, Design, PlannedContrast, power
from augtrial.statistics.verdicts import MIN_REPLICATES, PRIMARY, SECONDARY

REPLICATE, PATIENTS, CONTRAST = "one more replicate", "ten more patients", "one contrast fewer"
STEP, LARGEST = 0.01, 0.15  # of the differences in its figure


def judged(study: Study) -> Study:
    """Return the study with enough replicates for a verdict, if it has fewer.

    Raises:
        UserError: it names no contrast.
    """
    if not study.settings.contrasts:
        raise UserError(f"{study.settings.study} names no contrasts, so that there is no verdict")
    return _with_replicates(study, max(MIN_REPLICATES, len(study.replicates)))


def endpoint(study: Study) -> tuple[str, str]:
    """Return the primary endpoint and its class, as in the tables."""
    return PRIMARY_ENDPOINTS[study.settings.primary_endpoint]


def outcome(study: Study) -> Outcome:
    """Return the primary endpoint of an arm that knows everything: what its interval stands on.

    Raises:
        UserError: it cannot be estimated with these lesions and folds.
    """
    rows = pd.DataFrame(study.fold_rows(), columns=["lesion_id", "patient_id", "replicate", "fold"])
    labels = {lesion.lesion_id: lesion.label for lesion in study.lesions}
    rows["label"] = rows["predicted"] = rows["lesion_id"].map(labels)
    probabilities = {f"p_{name}": (rows["label"] == name).astype(float) for name in study.classes}
    known = classification_outcomes(rows.assign(arm="known", **probabilities))["known"]
    wanted = endpoint(study)
    found = next(each for each in known.outcomes if (each.endpoint, each.category) == wanted)
    if np.isnan(found.value).any() or np.isnan(found.parts.df):
        reason = found.note or "a class has a single patient"
        raise UserError(f"{study.settings.primary_endpoint} cannot be estimated: {reason}")
    return found


def worth(study: Study, known: Outcome) -> float:
    """Return how many patients of balanced classes an outcome is worth."""
    sizes = [sum(lesion.label == label for lesion in study.lesions) for label in study.classes]
    return float(known.relevant.sum()) * balance(sizes, endpoint(study))


def remarks(study: Study, known: Outcome) -> Iterator[str]:
    """Yield what a plan must say of its study and cohort, besides its numbers."""
    if len(study.replicates) < MIN_REPLICATES:
        yield (
            f"warning: replicates: {len(study.replicates)} give no verdict, it needs "
            f"{MIN_REPLICATES}; what follows is for {MIN_REPLICATES}"
        )
    if not study.cohort.has_patients:
        yield (
            "warning: no patient ids, each lesion counts as a patient; where patients have "
            "several lesions, the power is lower than this"
        )
    if known.note:
        yield f"warning: {study.settings.primary_endpoint}: {known.note}"


def secondary(study: Study) -> list[str]:
    """Return the contrasts that are adjusted among themselves."""
    first = {study.settings.primary_contrast, *study.settings.positive_controls}
    return [contrast for contrast in study.settings.contrasts if contrast not in first]


def plan_table(study: Study, scenarios: Scenarios, machine: Machine) -> pd.DataFrame:
    """Return the probabilities of a study's verdicts, one row a design, role, scenario and truth.

    The columns are design, role (primary, or secondary at Holm's strictest step), scenario, truth,
    power, the verdicts' words, detectable (the smallest difference found with 80 % power),
    stated_low and stated_high (what most studies will say of it) and hours. Differences are
    fractions. Designs other than the plan have the truths 0 and twice the margin alone.
    """
    margin = study.settings.margin
    few = sorted({0.0, min(1.0, 2 * margin)})
    steps = np.arange(round(LARGEST / STEP) + 1) * STEP
    many = sorted({*TRUTHS, *steps.round(4).tolist(), margin, *few})
    rows, seed = [], seeds.derive(study.settings.seed, "power")
    for name, changed, fewer in _designs(study):
        hours = expected_hours(changed, machine)
        for role, design in _roles(changed, fewer):
            for scenario, components in scenarios.components.items():
                planned = PlannedContrast(components, design, seed=seed)
                about = {"design": name, "role": role, "scenario": scenario}
                found = {"detectable": planned.detectable, "hours": hours}
                found |= dict(zip(("stated_low", "stated_high"), planned.stated, strict=True))
                for truth in many if name == AS_PLANNED else few:
                    words = planned.verdicts(truth)
                    each = {"truth": truth, "power": power(words)}
                    rows.append({**about, **each, **words, **found})
    return pd.DataFrame(rows).fillna(0.0)


def _designs(study: Study) -> Iterator[tuple[str, Study, int]]:
    """Yield the plan and what could be changed, with how many contrasts are taken away."""
    yield AS_PLANNED, study, 0
    yield REPLICATE, _with_replicates(study, len(study.replicates) + 1), 0
    yield PATIENTS, _with_patients(study, 10), 0
    if len(secondary(study)) > 1:
        yield CONTRAST, study, 1


def _roles(study: Study, fewer: int) -> Iterator[tuple[str, Design]]:
    """Yield the design of the primary contrast and that of another one."""
    known, settings, others = outcome(study), study.settings, secondary(study)
    primary = Design(
        patients=worth(study, known),
        df=min(known.parts.df, known.relevant.sum() - 1.0),
        trials=known.trials if known.counted else None,
        replicates=len(study.replicates),
        margin=settings.margin,
        level=1 - settings.confidence,
        question=contrast_question(settings.primary_contrast),
        allowance=paired_allowance(len(study.folds), len(known.relevant), counted=known.counted),
    )
    yield PRIMARY, primary
    if others:
        question = contrast_question(others[0])
        yield SECONDARY, replace(primary, contrasts=len(others) - fewer, question=question)


def _with_replicates(study: Study, number: int) -> Study:
    settings = study.settings.model_copy(update={"replicates": number})
    return Study(settings, study.cohort, study.classes)


def _with_patients(study: Study, number: int) -> Study:
    """Return the study with further patients like its own, the classes in proportion."""
    lesions = study.lesions
    cases, labels = [lesion.case for lesion in lesions], [lesion.label for lesion in lesions]
    order = nested_order(cases, labels, seed=study.settings.seed)
    added = []
    for turn, case in enumerate(islice(cycle(order), number)):
        for lesion in (each for each in lesions if each.case == case):
            patient = lesion.patient_id and f"{lesion.patient_id} + {turn}"
            name = f"{lesion.lesion_id} + {turn}"
            added.append(replace(lesion, lesion_id=name, patient_id=patient))
    cohort = replace(study.cohort, lesions=(*lesions, *added))
    return Study(study.settings, cohort, study.classes)
