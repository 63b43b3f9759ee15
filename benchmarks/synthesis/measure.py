"""What images are judged by, each measure beside that of unseen real lesions.

The features are those of the trial's small classifier, which has learnt from the seen lesions.
"""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from augtrial.config.classifier import Budget
from augtrial.core import seeds
from augtrial.core.names import MIN_LESIONS
from augtrial.core.registry import tasks
from augtrial.fidelity.appraisal import RealLesions
from augtrial.fidelity.features import ClassifierFeatures
from augtrial.fidelity.fitness import MEASURES as FITNESS
from augtrial.fidelity.fitness import fitness_measures
from augtrial.fidelity.measures import kid, told_apart
from augtrial.fidelity.memorisation import memorisation, polar_descriptor
from augtrial.imaging.training_set import TrainingSet
from augtrial.statistics.fitness import fitness_table
from augtrial.training.device import training_device
from augtrial.training.engine import train_all
from benchmarks.synthesis.cohorts import Lesions, cohort, split, variants

UPDATES = 400  # of the classifier
LEARNT = 20  # variants of each lesion that it learns from
SHOWN = 4  # variants of each real lesion in the blinded comparison
KNOWN = 8  # variants of each lesion among which copies are looked for
PARTS = 5  # of a cross-validation
PERMUTATIONS = 99  # the p of copies is not asked for

MORE = ("texture KID", "suspected copies", "told from unseen", "told from seen")
MEASURES = (*FITNESS, *MORE)


class Judge:
    """Judges synthetic images of a cohort's classes, in the split of a seed."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        self.cohort, self.split = cohort(name), split(name, seed)
        self.known: dict[str, dict[str, Any]] = {}

    @cached_property
    def features(self) -> ClassifierFeatures:
        """The features of the classifier that has learnt from variants of the seen lesions."""
        seen, classes = self.split.seen, self.cohort.classes
        images = self._variants(seen, LEARNT, "classifier")
        pictures = np.concatenate([seen.images[:, None], images], axis=1)
        labels = np.array([classes.index(label) for label in seen.labels], np.int64)
        learnt = TrainingSet(
            pictures.reshape(-1, *pictures.shape[2:]), np.repeat(labels, 1 + LEARNT), (), ()
        )
        seed = seeds.derive(self.seed, "classifier")
        with training_device("cpu", "float32") as device:
            options: dict[str, Any] = {"classes": classes, "seed": seed, "device": device}

            def make() -> Any:
                budget = Budget(updates=UPDATES)
                task = tasks["classification"]
                return task.training(learnt, self.cohort.classifier, budget, **options)

            (training,) = train_all([make], device)
        return ClassifierFeatures(training.network)

    def _variants(self, lesions: Lesions, number: int, name: str) -> np.ndarray:
        size = self.cohort.roi.size
        return variants(lesions, number, self.cohort.classic, size, seed=self.seed, name=name)

    def real(self, label: str) -> dict[str, Any]:
        """Return what is known of a class's real lesions, by "seen" and "unseen".

        `rois` uint8 [n, s, s]; `shown` [n, SHOWN, s, s] variants; `cases` [n]; `descriptors`
        [n, 1 + KNOWN, d].
        """
        if label not in self.known:
            self.known[label] = {
                part: self._real(lesions.select(lesions.labels == label))
                for part, lesions in (("seen", self.split.seen), ("unseen", self.split.unseen))
            }
        return self.known[label]

    def _real(self, lesions: Lesions) -> dict[str, Any]:
        known = self._variants(lesions, KNOWN, "known")
        real = RealLesions.from_part(lesions.images, known, lesions.labels.tolist())
        shown = self._variants(lesions, SHOWN, "shown")
        return {
            "rois": lesions.images,
            "cases": lesions.cases,
            "shown": shown,
            "descriptors": real.descriptors,
        }

    def measures(self, label: str, images: np.ndarray) -> dict[str, Any]:
        """Return the measures of images uint8 [m, s, s] of a class, and of real lesions.

        "<measure>" and "<measure>, real"; "fit" is by the rule of fitness, of this training alone;
        "seen" and "unseen" are numbers of lesions. NaN, with fit empty: too few lesions.
        """
        table = self._fitness(label, images)
        found: dict[str, Any] = {"seen": table["seen"].iloc[0], "unseen": table["unseen"].iloc[0]}
        rows = zip(table["measure"], table["value"], table["reference"], strict=True)
        known = min(found["seen"], found["unseen"]) >= MIN_LESIONS
        more = self._more(label, images) if known else ((name, (np.nan, np.nan)) for name in MORE)
        for measure, (value, reference) in [*((m, (v, r)) for m, v, r in rows), *more]:
            found |= {measure: value, f"{measure}, real": reference}
        self.features.known.clear()  # the features of all images would fill the memory
        alone = table.assign(synthesizer="it", replicate=self.seed, fold=1)
        fits = fitness_table(alone)["fit"]
        return found | {"fit": ("yes" if fits.all() else "no") if known else ""}

    def _fitness(self, label: str, images: np.ndarray) -> pd.DataFrame:
        real = self.real(label)
        seen, unseen = (real[part]["rois"] for part in ("seen", "unseen"))
        judged = {f"samples/{label}": images, f"unseen/{label}": unseen}
        predicted = {key: self._classes(each) for key, each in judged.items()}
        drawn = self.real_variants(label, len(images))
        return fitness_measures(
            {label: images},
            {label: seen},
            {label: unseen},
            {label: drawn},
            self.features,
            predicted,
        )

    def real_variants(self, label: str, number: int) -> np.ndarray:
        """Return so many variants, each another one of a seen lesion at random."""
        chosen = self.split.seen.select(self.split.seen.labels == label)
        lesions = seeds.generator(self.seed, "any", label).integers(len(chosen), size=number)
        place = np.array([(lesions[:index] == one).sum() for index, one in enumerate(lesions)])
        return self._variants(chosen, int(place.max()) + 1, "any")[lesions, place]

    def _classes(self, images: np.ndarray) -> np.ndarray:
        if not len(images):
            return np.array([], str)
        return np.take(self.cohort.classes, self.features.predict_classes(images))

    def _more(self, label: str, images: np.ndarray) -> Iterator[tuple[str, tuple[float, float]]]:
        """Yield the measures beside those of fitness, with that of real lesions."""
        real = self.real(label)
        parts = {part: self._rows(real[part]) for part in ("seen", "unseen")}
        (seen, _), (unseen, _) = parts["seen"], parts["unseen"]
        drawn = self.features.extract(images)
        centre, spread = seen.mean(axis=0), seen.std()
        scaled = [(rows - centre) / spread for rows in (drawn, unseen, seen)]
        yield "texture KID", (kid(scaled[0], scaled[2]), kid(scaled[1], scaled[2]))
        known, new = (real[part]["descriptors"] for part in ("seen", "unseen"))
        chance = seeds.generator(self.seed, "memorisation", label)
        found = memorisation(polar_descriptor(images), known, new, chance, PERMUTATIONS)
        yield "suspected copies", (found.suspects, found.null_reference)
        apart = told_across(parts["unseen"], parts["seen"], seed=self.seed)
        own = drawn, np.array([f"sample {number}" for number in range(len(drawn))])
        for part in ("unseen", "seen"):
            yield f"told from {part}", (told_across(parts[part], own, seed=self.seed), apart)

    def _rows(self, real: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return features and cases of the variants of real lesions."""
        shown = real["shown"]
        rows = self.features.extract(shown.reshape(-1, *shown.shape[2:]))
        return rows, np.repeat(real["cases"], SHOWN)


@cache
def judge(name: str, seed: int) -> Judge:
    """Return the judge of a cohort and seed, which keeps what it has computed."""
    return Judge(name, seed)


def told_across(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], *, seed: int
) -> float:
    """Return how well two kinds of images are told apart across cases (see `told_apart`).

    Each has features [n, d] and cases [n]. The mean over the parts of a cross-validation that keeps
    a case in one part; variants of real lesions, since the synthesizers learn from such.
    """
    x = np.concatenate([one[0], other[0]])
    cases = np.concatenate([one[1], other[1]])
    y = np.repeat([0, 1], [len(one[0]), len(other[0])])
    parts = StratifiedGroupKFold(PARTS, shuffle=True, random_state=seed)
    found = []
    for learnt, judged in parts.split(x, y, cases):
        pairs = [(x[part][y[part] == 0], x[part][y[part] == 1]) for part in (learnt, judged)]
        if all(len(rows) for pair in pairs for rows in pair):
            found.append(told_apart(*pairs))
    return float(np.mean(found)) if found else np.nan
