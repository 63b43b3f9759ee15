"""What the report says in sentences: recipes, cautions and methods, from the study's record."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from augtrial.figures.wording import MINUS, count, listed
from augtrial.settings import AcganSettings, Arm, Budget, DcganSettings, Settings
from augtrial.verdicts import ENOUGH, POWER

BASELINES = {
    "hand-crafted": "No network: an SVM on grey values, texture and edges of the lesions' ROIs.",
    "size": "No network: an SVM on the lesions' diameters alone.",
    "spectrum": "No network: an SVM on the power of the lesions' ROIs by spatial frequency.",
}


def recipe(arm: Arm, settings: Settings) -> str:
    """Return an arm's recipe as one sentence."""
    if arm.baseline:
        return BASELINES[arm.baseline]
    parts = ["the lesions' own ROIs"] if arm.originals and arm.classic != "online" else []
    if arm.classic == "online":
        parts.append("a new random classic variant of the lesion at every draw")
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
        (arm.copies, "copies of what is in the set already"),
    )
    parts += [f"{number:,} {what} per class and fold" for number, what in controls if number]
    sentence = listed(parts)
    if arm.transforms:
        names = [t if isinstance(t, str) else next(iter(t)) for t in arm.transforms]
        sentence += f"; the variants further changed by {listed(names)}"
    sentence += f"; {budget(arm.budget or settings.classifier.budget)}."
    return sentence[0].upper() + sentence[1:]


def budget(given: Budget) -> str:
    """Return a training time in words."""
    if given.updates is not None:
        return f"trained for {count(given.updates, 'update')}"
    return f"trained for {count(given.epochs or 0, 'epoch')}"


def lesions(record: dict[str, Any]) -> str:
    """Return who was studied, in one sentence."""
    classes = listed([f"{number} {label}" for label, number in record["classes"].items()])
    patients = record["patients"]
    of = f" of {count(patients, 'patient')}" if patients else ""
    folds = count(len(record["folds"]), "given fold" if record["given_folds"] else "fold")
    replicates = count(len(record["replicates"]), "replicate")
    return f"{count(record['lesions'], 'lesion')}{of} ({classes}), in {folds} and {replicates}."


def cautions(record: dict[str, Any], settings: Settings) -> Iterator[str]:
    """Yield what a reader must know before reading a difference."""
    replicates = len(record["replicates"])
    if replicates == 1:
        yield (
            "One replicate: the intervals are silent on the randomness of training. They are not "
            f"a verdict; that needs {ENOUGH} replicates or more."
        )
    elif replicates < ENOUGH:
        yield (
            f"{replicates} replicates: the intervals are not a verdict. That needs {ENOUGH} "
            "replicates or more."
        )
    if record["conditional_on"]:
        yield (
            f"All results are conditional on {record['conditional_on']}: the replicates have it "
            "in common, so that the intervals do not speak for another."
        )
    if not record["patients"]:
        keeps = (
            ", unless the folds that came with the table keep a patient's lesions together, which "
            "only their author can say"
            if record["given_folds"]
            else ""
        )
        yield (
            "The lesion table names no patients. Each lesion counts as a case of its own, and the "
            "intervals are too narrow if some share a patient. Lesions of one patient may also "
            f"stand on both sides of a fold, which flatters every arm{keeps}."
        )
    if settings.cohort.table == "phantom":
        yield (
            "The lesions are the built-in phantom's. It shows how a study works; it cannot show "
            "what augmentation does for patients."
        )


def copies(means: pd.DataFrame) -> list[str]:
    """Return a sentence a synthesizer: whether it repeats its training lesions."""
    sentences = []
    for name, own in means.groupby("synthesizer", sort=False):
        evidence = own[own["beyond"].notna()]
        found = evidence[evidence["beyond"] > 0]
        if evidence.empty:
            sentences.append(f"{name}: too few lesions to look for copies.")
        elif found.empty:
            sentences.append(f"{name}: no evidence that it repeats training lesions.")
        else:
            of = [
                f"{row.measure} of {label} in {row.beyond:.0f} of {row.trainings:.0f} trainings"
                for row, label in zip(found.itertuples(), found["class"], strict=True)
            ]
            sentences.append(f"{name}: more than chance would give, {listed(of)} (p < 0.01 each).")
    return sentences


def methods(record: dict[str, Any], settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the methods as headings and paragraphs, with the settings that were used."""
    yield "Lesions and regions of interest", _rois(settings)
    yield "Folds", _folds(record, settings)
    classic = settings.classic
    yield (
        "Classic augmentation",
        f"{classic.rotations} x (1 + {classic.flips} + {classic.translations} + {classic.scales}) "
        f"= {classic.number} variants of each lesion: {classic.rotations} rotations between 0 and "
        f"180 degrees, each also with {classic.flips} flips, {classic.translations} translations "
        f"(up to the lesser of {classic.translation_pixels:g} pixels and "
        f"{classic.translation_share:g} of the diameter) and {classic.scales} scales "
        f"({classic.scale_range[0]:g} to {classic.scale_range[1]:g} of the diameter as extra "
        "margin on each side). Each variant is one resampling of the full slice. Arms take "
        "nested subsets, spread evenly over the lesions.",
    )
    for name, synthesizer in settings.used_synthesizers.items():
        yield f"Synthesizer {name}", _synthesizer(synthesizer, settings)
    yield "Classifier", _classifier(settings)
    yield "Endpoints and intervals", _statistics(settings)


def _rois(settings: Settings) -> str:
    low, high = settings.roi.window
    source = "The lesion table"
    if settings.cohort.table == "phantom":
        source = "The built-in phantom of portal-phase liver CT"
    return (
        f"{source} gives the lesions. A region of interest (ROI) is a square around the lesion "
        f"on its largest axial slice, with a margin of {settings.roi.margin:g} of its diameter on "
        f"each side, resampled to {settings.roi.size} x {settings.roi.size} pixels by "
        f"anti-aliased bicubic interpolation. Values from {_signed(low)} to {_signed(high)} "
        "became 0 to 1."
    )


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def _folds(record: dict[str, Any], settings: Settings) -> str:
    number = count(len(record["folds"]), "fold")
    if record["given_folds"]:
        return f"{number}, given by the lesion table; all replicates use them."
    unit = "patient" if record["patients"] else "lesion"
    one = settings.share_synthesizer or settings.folds.split == "one"
    splits = "all replicates use one split" if one else "each replicate splits anew"
    if len(record["replicates"]) == 1:
        splits = "one replicate, one split"
    return (
        f"{number} by {unit}, stratified by class; {splits}. Nothing that is trained for a fold "
        "has seen the lesions that it holds out."
    )


def _synthesizer(synthesizer: DcganSettings | AcganSettings, settings: Settings) -> str:
    if isinstance(synthesizer, DcganSettings):
        kind = "A DCGAN for each class"
    else:
        kind = "An ACGAN for all classes"
    judge = f"discriminator maps {_widths(synthesizer.discriminator_channels)}"
    if getattr(synthesizer, "discriminator", "dcgan") == "odena":
        judge = "Odena's discriminator"
    shared = "; shared by all replicates" if settings.share_synthesizer else ""
    return (
        f"{kind}, trained for {count(synthesizer.epochs, 'epoch')} on the lesions' ROIs and "
        f"{count(synthesizer.classic, 'classic variant')} per fold of the training folds{shared}. "
        f"Latent vectors of {synthesizer.latent}; generator maps "
        f"{_widths(synthesizer.generator_channels)}, {judge}; batches of {synthesizer.batch}; Adam "
        f"with learning rate {synthesizer.learning_rate:g}, beta1 {synthesizer.beta1:g} and beta2 "
        f"{synthesizer.beta2:g}. The generator of the last epoch draws the samples; none is chosen."
    )


def _classifier(settings: Settings) -> str:
    cnn = settings.classifier
    return (
        f"3x3 convolutions of {_widths(cnn.channels)} maps, each with a 2x2 max-pool; a dense "
        f"layer of {cnn.dense} with dropout {cnn.dropout:g}; softmax. SGD with Nesterov momentum "
        f"{cnn.momentum:g}, learning rate {cnn.learning_rate:g}, batches of {cnn.batch}; "
        f"{budget(cnn.budget)} unless the arm says otherwise. The network of the last update "
        "predicts the held-out fold."
    )


def _statistics(settings: Settings) -> str:
    return (
        "An endpoint is computed in each replicate and then averaged, never from averaged "
        "probabilities; the AUC is one class against the rest, per fold. The "
        f"{100 * settings.confidence:g} % intervals take both patients and replicates as random "
        "(multi-reader multi-case, with trained replicates as readers; t with Satterthwaite's "
        "degrees of freedom; Wilson's interval for clusters near 0 and 1). Differences are paired "
        "by patient and replicate. Verdicts stand on one endpoint fixed before the run, "
        f"{settings.primary_endpoint}, with p values adjusted over all contrasts (Holm) and a "
        f"margin of {100 * settings.margin:g} points: an interval inside the margin is no "
        "relevant difference; an adjusted p below the level is a gain or a loss; anything else "
        f"cannot be told. Detectable differences are for {POWER:.0%} power at the strictest of "
        "the adjusted levels. docs/statistics.md has the formulas."
    )


def _widths(channels: list[int]) -> str:
    return "-".join(map(str, channels))
