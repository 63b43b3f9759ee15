"""Does the rule of fitness see what is wrong? Faults are planted among lesions of the phantom.

Each seed draws a cohort, sets a quarter of its lesions aside, and trains a classifier on the
others for the features. A synthesizer without fault draws new lesions; each fault spoils these, so
that the truth is known. docs/fitness.md has the command and its table.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from augtrial.cohort.folds import set_aside
from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.classifier import Budget
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.core.registry import tasks
from augtrial.fidelity.features import ClassifierFeatures
from augtrial.fidelity.fitness import fitness_measures
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants
from augtrial.imaging.roi import extract_context, extract_roi
from augtrial.imaging.training_set import TrainingSet
from augtrial.statistics.fitness import fitness_table, unfit_synthesizers
from augtrial.tasks.classification.training import load_classifier
from augtrial.training.device import training_device
from augtrial.training.engine import train_all
from benchmarks.paired import markdown

CLASSES = ("cyst", "metastasis", "hemangioma")
LESIONS = 42  # of a class: what two of three folds of the paper's cohort have
SIDE, SAMPLES = 64, 200
ROI = RoiSettings(size=SIDE)
CLASSIC = ClassicSettings(n_rotations=6, n_flips=1, n_translations=1, n_scales=1)
CLASSIFIER = {"kind": "frid_adar", "channels": [16, 32, 64], "hidden_units": 128}
UPDATES = 400

Images = Mapping[str, np.ndarray]  # class -> uint8 [n, s, s]
Fault = Callable[[np.random.Generator, Images, Images], Images]


def rois_and_variants(seed: int, stream: str, number: int) -> tuple[Images, Images]:
    """Return ROIs [n, s, s] and variants [n, m, s, s] of new lesions of each class."""
    rois: dict[str, list[np.ndarray]] = {label: [] for label in CLASSES}
    variants: dict[str, list[np.ndarray]] = {label: [] for label in CLASSES}
    lesions = draw_lesions(seed=seed, stream=stream, classes=dict.fromkeys(CLASSES, number))
    for index, lesion in enumerate(lesions):
        context = extract_context(lesion, ROI, CLASSIC)
        chance = seeds.generator(seed, stream, index)
        rois[lesion.label].append(extract_roi(context, SIDE))
        chosen = sample_variants(context.diameter, CLASSIC, chance)
        variants[lesion.label].append(apply_variants(context, chosen, SIDE))
    return (
        {label: np.stack(images) for label, images in rois.items()},
        {label: np.stack(images) for label, images in variants.items()},
    )


def of_each(change: Callable[[np.ndarray], np.ndarray]) -> Fault:
    return lambda chance, new, seen: {label: change(images) for label, images in new.items()}


def repeated(chance: np.random.Generator, new: Images, seen: Images, number: int) -> Images:
    """Return images of a few lesions again and again, with a little noise."""
    found = {}
    for label, images in new.items():
        chosen = images[chance.integers(number, size=len(images))]
        found[label] = add(chosen, chance.normal(0, 2, chosen.shape))
    return found


def grained(chance: np.random.Generator, new: Images, seen: Images, sd: float) -> Images:
    return {c: add(images, chance.normal(0, sd, images.shape)) for c, images in new.items()}


def mixed(chance: np.random.Generator, new: Images, seen: Images, share: float) -> Images:
    """Return images of which a share is of the next class."""
    others = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))
    found = {}
    for label, images in new.items():
        wrong = chance.random(len(images)) < share
        found[label] = np.where(wrong[:, None, None], new[others[label]], images)
    return found


def copied(chance: np.random.Generator, new: Images, seen: Images, share: float) -> Images:
    """Return images of which a share are variants of the lesions that were learnt."""
    found = {}
    for label, images in new.items():
        of_class = seen[label]
        lesions = chance.integers(len(of_class), size=len(images))
        copies = of_class[lesions, chance.integers(of_class.shape[1], size=len(images))]
        found[label] = np.where((chance.random(len(images)) < share)[:, None, None], copies, images)
    return found


def add(images: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(images + change), 0, 255).astype(np.uint8)


def blurred(sd: float) -> Fault:
    return of_each(lambda images: gaussian_filter(images.astype(float), (0, sd, sd)).astype("u1"))


FAULTS: dict[str, Fault] = {
    "none: new lesions": of_each(lambda images: images),
    "slight grain (sd 5 grey levels)": partial(grained, sd=5),
    "slight blur (sd 1 pixel)": blurred(1),
    "collapse: images of 1 lesion": partial(repeated, number=1),
    "collapse: images of 5 lesions": partial(repeated, number=5),
    "grain (sd 40 grey levels)": partial(grained, sd=40),
    "blur (sd 4 pixels)": blurred(4),
    "half of another class": partial(mixed, share=0.5),
    "all of another class": partial(mixed, share=1.0),
    "copies: half": partial(copied, share=0.5),
    "copies: all": partial(copied, share=1.0),
}


def of_seed(seed: int, lesions: int, samples: int, updates: int) -> pd.DataFrame:
    """Return the measures of each fault, in one cohort and with one classifier."""
    rois, variants = rois_and_variants(seed, "cohort", lesions)
    new = rois_and_variants(seed, "synthetic", samples)[0]
    names = [f"{label}{n}" for label in CLASSES for n in range(lesions)]
    labels = np.repeat(CLASSES, lesions)
    aside = set_aside(names, labels.tolist(), seed=seed)
    out = np.reshape([name in aside for name in names], (len(CLASSES), lesions))
    seen = {c: images[~left] for (c, images), left in zip(rois.items(), out, strict=True)}
    unseen = {c: images[left] for (c, images), left in zip(rois.items(), out, strict=True)}
    known = {c: images[~left] for (c, images), left in zip(variants.items(), out, strict=True)}
    features = classifier(known, seed, updates)
    chance = seeds.generator(seed, "variants")
    some = copied(chance, {c: images[:samples] for c, images in new.items()}, known, 1.0)
    tables = []
    for name, fault in FAULTS.items():
        drawn = fault(seeds.generator(seed, name), new, known)
        looked_at = {f"samples/{c}": images for c, images in drawn.items()}
        looked_at |= {f"unseen/{c}": images for c, images in unseen.items()}
        predicted = {
            key: np.take(CLASSES, features.predict_classes(images))
            for key, images in looked_at.items()
        }
        rows = fitness_measures(drawn, seen, unseen, some, features, predicted)
        tables.append(rows.assign(synthesizer=name, replicate=seed, fold=1))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    return pd.concat(tables)


def classifier(variants: Images, seed: int, updates: int) -> ClassifierFeatures:
    """Return a small classifier of the paper's kind, trained on the variants of seen lesions."""
    images = np.concatenate([x.reshape(-1, SIDE, SIDE) for x in variants.values()])
    counts = [x.shape[0] * x.shape[1] for x in variants.values()]
    learnt = TrainingSet(images, np.repeat(range(len(CLASSES)), counts), (), ())
    task = tasks["classification"]
    settings = task.settings({**CLASSIFIER, "learning_rate": 0.01})
    with training_device("cpu", "float32") as device:
        make = partial(
            task.training,
            learnt,
            settings,
            Budget(updates=updates),
            classes=CLASSES,
            seed=seed,
            device=device,
        )
        (training,) = train_all([make], device)
    state = training.networks("features")["features"]
    return ClassifierFeatures(load_classifier(state, settings, classes=len(CLASSES), size=SIDE))


def text(measures: pd.DataFrame) -> str:
    """Return a row a fault: the rule's words over all seeds, and how many seeds alone are unfit."""
    table = fitness_table(measures)
    reasons = unfit_synthesizers(table)
    rows = []
    for name in FAULTS:
        of_fault = measures[measures["synthesizer"] == name]
        alone = [
            bool(unfit_synthesizers(fitness_table(one))) for _, one in of_fault.groupby("replicate")
        ]
        verdict = reasons.get(name, f"{name} fit").removeprefix(f"{name} ")
        rows.append([name, verdict, f"{sum(alone)} of {len(alone)}"])
    return markdown(["planted", "the rule, by the median", "unfit by a single training"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lesions", type=int, default=LESIONS)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--updates", type=int, default=UPDATES)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    sizes = {key: getattr(chosen, key) for key in ("lesions", "samples", "updates")}
    with multiprocessing.get_context("fork").Pool(chosen.jobs) as pool:
        tables = pool.map(partial(of_seed, **sizes), range(1, chosen.seeds + 1), chunksize=1)
    print(text(pd.concat(tables)))


if __name__ == "__main__":
    main()
