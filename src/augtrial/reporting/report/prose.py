"""What the report says in sentences: recipes, cautions and methods, from the study's record."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from augtrial.config.arms import Arm
from augtrial.config.classifier import Budget
from augtrial.config.settings import Settings
from augtrial.core.names import count
from augtrial.reporting.figures.wording import MINUS, detectable_copies, listed
from augtrial.statistics.fitness import unfit_synthesizers
from augtrial.statistics.intervals import MIN_FOR_INTERVAL
from augtrial.statistics.verdicts import MIN_REPLICATES, POWER

BASELINES = {
    "hand-crafted": "No network: an SVM on grey values, texture and edges of the lesions' ROIs.",
    "size": "No network: an SVM on the lesions' diameters alone.",
    "spectrum": "No network: an SVM on the power of the lesions' ROIs by spatial frequency.",
}

FITNESS = (
    "For each fold a second network, with the same settings and as many updates, was trained "
    "without a quarter of the training patients (more where a class would have fewer than ten "
    "lesions). Its samples were compared with the lesions of these patients, in features of a "
    "classifier that had not seen them either: coverage, near-duplicates, class consistency, "
    "layout (kernel distance of images of 16 x 16 pixels) and fine detail, each with a fixed limit "
    "relative to real lesions. The median over the second networks decides. Arms with images of a "
    "synthesizer that is not fit get no verdict. What a fold holds out was not looked at."
)


def recipe(arm: Arm, settings: Settings) -> str:
    """Return an arm's recipe as one sentence."""
    if arm.baseline:
        return BASELINES[arm.baseline]
    parts = ["the lesions' own ROIs"] if arm.originals and arm.classic != "online" else []
    if arm.classic == "online":
        parts.append("a new random classic variant each time a lesion is used")
    elif arm.classic == "all":
        parts.append("all their classic variants")
    elif arm.classic:
        parts.append(f"{count(arm.classic, 'classic variant')} per fold")
    for name, wanted in arm.synthetic.items():
        if isinstance(wanted, int):
            parts.append(f"{count(wanted, 'synthetic image')} of {name} per class and fold")
        else:
            of_class = listed([f"{number:,} of {label}" for label, number in wanted.items()])
            parts.append(f"synthetic images of {name} per fold ({of_class})")
    controls = (
        (arm.extra_classic, "further classic variants"),
        (arm.oracle, "images of fresh lesions of new patients"),
        (arm.duplicates, "duplicates of images in the set"),
    )
    parts += [f"{number:,} {what} per class and fold" for number, what in controls if number]
    sentence = listed(parts)
    if arm.transforms:
        names = [t if isinstance(t, str) else next(iter(t)) for t in arm.transforms]
        sentence += f"; the variants further transformed by {listed(names)}"
    sentence += f"; {training_time(arm.budget or settings.classifier.budget)}."
    return _capitalised(sentence)


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def training_time(budget: Budget) -> str:
    """Return a budget in words."""
    if budget.updates is not None:
        return f"trained for {count(budget.updates, 'update')}"
    return f"trained for {count(budget.epochs or 0, 'epoch')}"


def lesions(record: dict[str, Any]) -> str:
    """Return who was studied, in one sentence."""
    classes = listed([f"{number} {label}" for label, number in record["classes"].items()])
    who = count(record["lesions"], "lesion")
    who += f" of {count(record['patients'], 'patient')}" if record["patients"] else ""
    folds = count(len(record["folds"]), "given fold" if record["given_folds"] else "fold")
    replicates = count(len(record["replicates"]), "replicate")
    return f"{who} ({classes}), in {folds} and {replicates}."


def cautions(record: dict[str, Any], settings: Settings) -> Iterator[str]:
    """Yield what a reader must know before reading a difference."""
    replicates, enough = len(record["replicates"]), f"{MIN_REPLICATES} replicates or more"
    if replicates < MIN_FOR_INTERVAL:
        yield (
            f"{count(replicates, 'replicate')}: values without intervals, since the randomness of "
            f"training is not known. An interval needs {MIN_FOR_INTERVAL} replicates, a verdict "
            f"{enough}."
        )
    elif replicates < MIN_REPLICATES:
        yield f"{replicates} replicates: the intervals are not a verdict. A verdict needs {enough}."
    if record["conditional_on"]:
        yield (
            f"All results are conditional on {record['conditional_on']}: the replicates share it, "
            "so that the intervals do not hold for a different one."
        )
    if not record["patients"]:
        keeps = ", unless the folds of the table keep a patient's lesions together, "
        keeps = f"{keeps}which only their author can say" if record["given_folds"] else ""
        yield (
            "The lesion table has no patient ids. Each lesion counts as a separate case, and the "
            "intervals are too narrow if lesions come from one patient. Lesions of one patient may "
            f"also be in training and in testing: the results of all arms are too good{keeps}."
        )
    if settings.used_synthesizers and not settings.fitness:
        yield (
            "The fitness of the synthesizers was not judged: a verdict may be one on a synthesizer "
            "that failed."
        )
    if settings.cohort.table == "phantom":
        yield (
            "The lesions are those of the built-in phantom. It shows how a study works; it cannot "
            "show the effect of augmentation on real lesions."
        )


def registration(record: dict[str, Any]) -> tuple[str, list[str]]:
    """Return whether the study was registered and kept its lock, and how it deviates from it."""
    found = record.get("registration")
    if not found:
        return "The study was not registered before the run.", []
    deviations, first = found["deviations"], found["first_predictions"]
    kept = f"not kept: {count(len(deviations), 'deviation')}" if deviations else "kept"
    lock = f"{found['lock']} (hash {found['hash']}) of {found['date']}"
    if first and first < found["date"]:
        start = f"Its lock {lock} was written after results existed"
        sentence = f"The study was not registered before the run. {start}"
    else:
        sentence = f"The study was registered before the run by the lock {lock}"
    dated = f"; the first predictions are of {first}" if first else ""
    return f"{sentence}{dated}. The lock was {kept}.", deviations


def judgements(fitness: pd.DataFrame) -> list[str]:
    """Return for each synthesizer whose fitness was judged whether it is fit, or why not."""
    unfit = unfit_synthesizers(fitness)
    return [
        f"{unfit[name]}. Its arms are not evaluable."
        if name in unfit
        else f"{name}: fit for a trial."
        for name in dict.fromkeys(fitness["synthesizer"])
    ]


def copies(means: pd.DataFrame) -> list[str]:
    """Return what is known of each synthesizer: whether it repeats its training lesions."""
    sentences = []
    for name, table in means.groupby("synthesizer", sort=False):
        found = table[table["significant"] > 0]
        counts = [
            f"{row['measure']} of {row['class']} in {row['significant']:.0f} of "
            f"{row['trainings']:.0f} trainings"
            for row in found.to_dict("records")
        ]
        if table["significant"].isna().all():
            finding = "too few lesions to look for copies"
        elif found.empty:
            tested = table[table["detectable"].notna()]
            shares = [
                f"{label} {detectable_copies(share)}"
                for label, share in zip(tested["class"], tested["detectable"], strict=True)
            ]
            finding = (
                "no evidence that it repeats training lesions. Copies are found in one training, "
                f"with 80 % power, from this share of its different images: {listed(shares)}"
            )
        else:
            finding = f"more than expected by chance, {listed(counts)} (adjusted p < 0.01 each)"
        sentences.append(f"{name}: {finding}.")
    return sentences


def methods(
    record: dict[str, Any], settings: Settings, synthesizers: Mapping[str, str], classifier: str
) -> Iterator[tuple[str, str]]:
    """Yield the methods as headings and paragraphs, with the settings that were used.

    `synthesizers` and `classifier` say what these are and how they were trained.
    """
    yield "Lesions and regions of interest", _rois(settings)
    yield "Folds", _folds(record, settings)
    classic = settings.classic
    yield (
        "Classic augmentation",
        f"{classic.n_rotations} x (1 + {classic.n_flips} + {classic.n_translations} + "
        f"{classic.n_scales}) = {classic.number} variants of each lesion: {classic.n_rotations} "
        f"rotations between 0 and 180 degrees, each also with {classic.n_flips} flips, "
        f"{classic.n_translations} translations "
        f"(up to the lesser of {classic.translation_pixels:g} pixels and "
        f"{classic.translation_share:g} of the diameter) and {classic.n_scales} scales "
        f"({classic.scale_range[0]:g} to {classic.scale_range[1]:g} of the diameter as extra "
        "margin on each side). Each variant is one resampling of the full slice. Arms use "
        "nested subsets, distributed evenly over the lesions.",
    )
    shared = " All replicates share it." if settings.share_synthesizer else ""
    for name, description in synthesizers.items():
        yield f"Synthesizer {name}", description + shared
    if synthesizers and settings.fitness:
        yield "Fitness of the synthesizers", FITNESS
    yield (
        "Classifier",
        f"{classifier} {_capitalised(training_time(settings.classifier.budget))} unless the arm "
        "has its own training time. The network of the last update predicts the held-out fold.",
    )
    yield "Endpoints and intervals", _statistics(settings)


def _rois(settings: Settings) -> str:
    low, high = (f"{value:g}".replace("-", MINUS) for value in settings.roi.window)
    phantom = settings.cohort.table == "phantom"
    source = "The built-in phantom of portal-phase liver CT" if phantom else "The lesion table"
    return (
        f"{source} gives the lesions. A region of interest (ROI) is a square around the lesion "
        f"on its largest axial slice, with a margin of {settings.roi.margin:g} of its diameter on "
        f"each side, resampled to {settings.roi.size} x {settings.roi.size} pixels by "
        f"anti-aliased bicubic interpolation. Values from {low} to {high} "
        "are mapped to 0 to 1."
    )


def _folds(record: dict[str, Any], settings: Settings) -> str:
    number = count(len(record["folds"]), "fold")
    if record["given_folds"]:
        return f"{number}, given by the lesion table; all replicates use them."
    unit = "patient" if record["patients"] else "lesion"
    one_split = settings.share_synthesizer or settings.folds.split == "one"
    splits = "all replicates use one split" if one_split else "each replicate has its own split"
    if len(record["replicates"]) == 1:
        splits = "one replicate, one split"
    return (
        f"{number} by {unit}, stratified by class; {splits}. No model trained for a fold has seen "
        "the lesions that this fold holds out."
    )


def _statistics(settings: Settings) -> str:
    return (
        "A replicate is one repetition of the whole procedure with its own seed. An endpoint is "
        "computed in each replicate and then averaged, never from averaged "
        "probabilities; the AUC is one class against the rest, per fold. The "
        f"{100 * settings.confidence:g} % intervals take both patients and replicates as random "
        "(multi-reader multi-case, with trained replicates as readers; t with Satterthwaite's "
        "degrees of freedom; Wilson's interval for clusters near 0 and 1). Differences are paired "
        "by patient and replicate. Verdicts are based on one endpoint fixed before the run, "
        f"{settings.primary_endpoint}, with p values adjusted over all contrasts (Holm) and a "
        f"margin of {100 * settings.margin:g} points: an interval inside the margin means no "
        "relevant difference, an adjusted p below the level a gain or a loss; in all other cases "
        f"the study cannot tell. Detectable differences are for {100 * POWER:g} % power at the "
        "strictest of the adjusted levels. docs/statistics.md has the formulas."
    )
