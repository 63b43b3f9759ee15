"""The stages of a study, one by one: each prepares what it is given, yields, and works.

The networks are quick.yaml's. What only takes room is made up: variants that are read, predictions,
features.
"""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import sklearn.manifold  # noqa: F401  # no stage is charged for its import
import torch
import yaml

from augtrial.cohort.folds import split_patients
from augtrial.cohort.table import read_table
from augtrial.config.arms import Arm
from augtrial.config.load import read_settings
from augtrial.core import seeds
from augtrial.core.io import write_table
from augtrial.core.registry import synthesizers
from augtrial.fidelity.appraisal import MAX_VARIANTS, RealLesions, appraise
from augtrial.fidelity.embedding import embed, neighbour_accuracy
from augtrial.fidelity.features import ClassifierFeatures
from augtrial.fidelity.memorisation import HARMONICS, RINGS
from augtrial.imaging.training_set import assemble, read_parts
from augtrial.jobs.rois import extract_rois
from augtrial.jobs.variants import make_variants
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.snakefile import CHECK, check_pictures
from augtrial.pipeline.study import Study
from augtrial.reporting.figures.drawer import draw
from augtrial.reporting.figures.style import FigureStyle
from augtrial.statistics.comparison import compare
from augtrial.statistics.predictions import read_predictions
from augtrial.synthesizers.base import TrainedNetwork
from augtrial.tasks.classification.cnn import predict
from augtrial.tasks.classification.training import build_classifier
from augtrial.training.device import Device
from benchmarks.costs import memory
from benchmarks.paired import ROOT, snakemake_command
from benchmarks.trainings import CLASSES, SIZE, classifier, noise, synthesizer, training_seconds

CPU = Device(torch.device("cpu"), bfloat16=False)
QUICK = yaml.safe_load((ROOT / "config/quick.yaml").read_text(encoding="utf-8"))
SETTINGS = read_settings(QUICK, "quick.yaml")
FOLDS, LOOK = 3, SETTINGS.fidelity.images
IMAGES = 1 + SETTINGS.embedding.variants  # of each lesion in the t-SNE picture


def draw_cohort(folder: Path, lesions: int) -> Path:
    """Draw pictures in which a bright ellipse on noise is a lesion; return their table."""
    pictures, rng, rows = folder / str(lesions), np.random.default_rng(0), []
    pictures.mkdir()
    for number in range(lesions):
        picture = rng.integers(60, 120, (128, 128), np.uint8)
        mask = np.zeros((128, 128), np.uint8)
        shape = (64, 64), tuple(rng.integers(16, 40, 2).tolist()), float(rng.integers(180))
        cv2.ellipse(mask, shape, 255, -1)
        picture[mask > 0] += rng.integers(40, 80, dtype=np.uint8)
        for name, pixels in (("image", picture), ("mask", mask)):
            cv2.imwrite(str(pictures / f"{name}{number}.png"), pixels)
        files = f"image{number}.png", f"mask{number}.png"
        rows.append([f"l{number}", f"p{number // 2}", CLASSES[number % len(CLASSES)], *files])
    columns = ["lesion_id", "patient_id", "label", "image", "mask"]
    write_table(table_of(folder, lesions), pd.DataFrame(rows, columns=columns))
    return table_of(folder, lesions)


def table_of(folder: Path, lesions: int) -> Path:
    return folder / str(lesions) / "lesions.csv"


def config(folder: Path, lesions: int, **changes: object) -> dict:
    table = {"cohort": {"table": str(table_of(folder, lesions))}}
    return QUICK | table | {"study": "growth", "roi": {"window": [0, 255]}} | changes


def part_files(folder: Path, lesions: int) -> dict[str, str]:
    """Return the files of a part: a third of the lesions."""
    names = {"rois": "rois.npz", "contexts": "contexts.npz", "table": "rois.csv"}
    return {key: str(folder / str(lesions) / name) for key, name in names.items()}


def reading(folder: Path, lesions: int) -> Iterator[None]:
    """Read and check the lesion table, as at every start of Snakemake."""
    yield
    read_table(table_of(folder, lesions))


def checking(folder: Path, lesions: int) -> Iterator[None]:
    """Read and check every picture, as at the first start."""
    study = Study.from_config(config(folder, lesions))
    os.chdir(folder / str(lesions))  # where its stamp says to the next start that all is well
    Path(study.root, CHECK).unlink(missing_ok=True)
    yield
    assert not list(check_pictures(study))


def splitting(folder: Path, lesions: int) -> Iterator[None]:
    """Share the patients out to folds, for one replicate."""
    rows = read_table(table_of(folder, lesions)).lesions
    patients, labels = [row.patient_id for row in rows], [row.label for row in rows]
    yield
    split_patients(patients, labels, FOLDS, seed=1, replicate=1)


def extracting(folder: Path, lesions: int) -> Iterator[float]:
    """Cut the ROIs of a part; return the MB that it wrote."""
    study, files = Study.from_config(config(folder, lesions)), part_files(folder, lesions)
    rows, reach = study.lesion_values(study.part(1, 1)), JobParams(study).reach()
    yield
    extract_rois(lesions=rows, roi=study.settings.roi.model_dump(), reach=reach, **files)
    yield megabytes(files.values())


def varying(folder: Path, lesions: int, variants: int) -> Iterator[float]:
    """Cut a part's variants; return the MB that it wrote."""
    classic = {"n_rotations": variants // 10, "n_flips": 3, "n_translations": 3, "n_scales": 3}
    files, part = {"variants": "variants.npy", "table": "variants.csv"}, part_files(folder, lesions)
    inputs = {"rois": part["rois"], "contexts": part["contexts"]}
    yield
    make_variants(classic=classic, size=SIZE, seed=1, replicate=1, **inputs, **files)
    yield megabytes(files.values())


def megabytes(files: Iterable[str]) -> float:
    """Return the size of files on disk."""
    return sum(Path(path).stat().st_size for path in files) / 1e6


def assembling(folder: Path, lesions: int, variants: int, classic: int | str) -> Iterator[float]:
    """Assemble an arm's training set from two of three parts; return its images."""
    rois, files = part_files(folder, lesions)["rois"], ["first.npy", "second.npy"]
    with np.load(rois) as arrays:
        shape = (len(arrays["label"]), variants, SIZE, SIZE)
    for file in files:  # a file with holes reads as zeros, and fills no disk
        np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape).flush()
    yield
    parts = read_parts([rois, rois], files)
    yield len(assemble(Arm(classic=classic), parts, CLASSES, seed=1, replicate=1).images)


def training(folder: Path, images: int, updates: int) -> Iterator[None]:
    make = partial(classifier, *noise(images), SETTINGS.classifier, updates, CPU)
    yield
    training_seconds(make, CPU)


def synthesizing(folder: Path, images: int) -> Iterator[None]:
    settings = SETTINGS.synthesizers["dcgan"].model_copy(update={"epochs": 1, "snapshots": 1})
    make = partial(synthesizer, *noise(images), settings, CPU)
    yield
    training_seconds(make, CPU)


def sampling(folder: Path, images: int) -> Iterator[None]:
    settings, chance = SETTINGS.synthesizers["dcgan"], seeds.torch_generator(1, "latent")
    state = synthesizer(*noise(settings.batch), settings, CPU).state_dict()
    network = TrainedNetwork(state, settings, CLASSES[:1], SIZE)
    yield
    synthesizers["dcgan"].sample(network, np.zeros(images, np.int64), chance)


def predicting(folder: Path, lesions: int) -> Iterator[None]:
    """Predict the lesions that a fold holds out, by one network."""
    network = build_classifier(SETTINGS.classifier, classes=3, size=SIZE, seed=1)
    rois = part_files(folder, lesions)["rois"]
    yield
    with np.load(rois) as arrays:
        predict(network, arrays["images"])


def comparing(folder: Path, lesions: int, arms: int, replicates: int) -> Iterator[None]:
    """Make every table of endpoints, contrasts and verdicts from the predictions."""
    rng, names = np.random.default_rng(0), [f"arm{number}" for number in range(arms)]
    rows = pd.DataFrame({"number": np.arange(lesions)})
    rows["lesion_id"], rows["patient_id"] = "l" + rows["number"].astype(str), rows["number"] // 2
    rows["fold"], rows["label"] = rows["patient_id"] % FOLDS, np.take(CLASSES, rows["number"] % 3)
    keys = [(arm, replicate) for arm in names for replicate in range(replicates)]
    table = pd.concat(rows.assign(arm=arm, replicate=number) for arm, number in keys)
    scores = rng.dirichlet(np.ones(len(CLASSES)), len(table))
    scores[np.arange(len(table)), table["number"] % 3] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    table["predicted"] = np.take(CLASSES, scores.argmax(axis=1))
    table[[f"p_{label}" for label in CLASSES]] = scores
    write_table("predictions.csv", table.drop(columns="number"))
    del table, scores
    yield
    contrasts = [f"{new} - {old}" for new, old in zip(names[1:], names, strict=False)]
    compare(read_predictions("predictions.csv"), contrasts)


def describing(folder: Path, lesions: int) -> Iterator[None]:
    """Describe a part's lesions for the appraisal: each ROI and eight variants."""
    with np.load(part_files(folder, lesions)["rois"]) as arrays:
        rois, labels = arrays["images"], arrays["label"]
    variants = np.repeat(rois[:, None], MAX_VARIANTS, axis=1)
    yield
    RealLesions.from_part(rois, variants, labels)


def appraising(folder: Path, lesions: int) -> Iterator[None]:
    """Appraise a synthesizer's samples in one fold, its lesions described before."""
    rng = np.random.default_rng(0)
    network = build_classifier(SETTINGS.classifier, classes=3, size=SIZE, seed=1)

    def real_lesions(number: int) -> RealLesions:
        descriptors = rng.random((number, 1 + MAX_VARIANTS, RINGS * HARMONICS), np.float32)
        images = rng.integers(0, 256, (number, 1 + MAX_VARIANTS, SIZE, SIZE), np.uint8)
        return RealLesions(images, descriptors, np.take(CLASSES, np.arange(number) % 3))

    parts = real_lesions(lesions - lesions // FOLDS), real_lesions(lesions // FOLDS)
    samples = {label: noise(LOOK)[0] for label in CLASSES}
    predicted = {f"samples/{label}": np.repeat(label, LOOK) for label in CLASSES}
    predicted["held out"] = parts[1].labels
    yield
    appraise(samples, *parts, [ClassifierFeatures(network)], predicted, seed=1)


def points(lesions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, classes and patients of the t-SNE picture: a part with some variants."""
    number, rng = lesions // FOLDS, np.random.default_rng(0)
    lesion = np.repeat(np.arange(number), IMAGES)
    width = SETTINGS.classifier.hidden_units
    features = (lesion % 3)[:, None] + rng.standard_normal((len(lesion), width), np.float32)
    return features.astype(np.float32), np.take(CLASSES, lesion % 3), lesion // 2


def embedding(folder: Path, lesions: int) -> Iterator[None]:
    features = points(lesions)[0]
    yield
    embed(features, perplexity=30, seed=1)


def neighbouring(folder: Path, lesions: int) -> Iterator[None]:
    """Tell a part's lesions and variants by their nearest neighbours."""
    features, labels, groups = points(lesions)
    yield
    neighbour_accuracy(features, labels, groups, neighbours=5)


def drawing(folder: Path, lesions: int) -> Iterator[float]:
    """Draw and save the two figures that have a mark a lesion; return the MB of their SVG."""
    _, labels, groups = points(lesions)
    arm = {"arm": "classic", "label": labels, "x": groups, "y": groups}
    images = (["roi"] + ["variant"] * (IMAGES - 1)) * (lesions // FOLDS)
    write_table("points.csv", pd.DataFrame(arm | {"image": images}))
    write_table("near.csv", pd.DataFrame([{"arm": "classic", "neighbours": 5, "accuracy": 0.9}]))
    style = FigureStyle(arms=["classic"], classes=list(CLASSES))
    part = part_files(folder, lesions)
    sources = {
        "contact_sheet": {"rois": [part["rois"]], "measured": part["table"]},
        "embedding": {"points": "points.csv", "neighbours": "near.csv"},
    }
    yield
    for kind, files in sources.items():
        draw(kind, files, style, {}).save(*(f"{kind}.{suffix}" for suffix in ("svg", "pdf", "csv")))
    yield megabytes(f"{kind}.svg" for kind in sources)


def planning(folder: Path, lesions: int, **changes: object) -> Iterator[float]:
    """Let Snakemake build the graph of a study whose pictures were checked; return its MB."""
    study = yaml.safe_dump(config(folder, lesions, **changes))
    Path("config.yaml").write_text(study, encoding="utf-8")
    command = snakemake_command(folder / str(lesions), Path("config.yaml"), 1, "-n", "--quiet")
    yield
    with open("output.txt", "w", encoding="utf-8") as file:
        running, most = subprocess.Popen(command, stdout=file, stderr=file), 0.0
        while running.poll() is None:
            most = max(most, memory("RssAnon", running.pid))
            time.sleep(0.02)
    assert running.returncode == 0, Path("output.txt").read_text(encoding="utf-8")
    yield most


def graphing(folder: Path, lesions: int, arms: int, replicates: int, folds: int) -> Iterator[float]:
    """Let Snakemake build the graph of a study of so many arms, replicates and folds."""
    recipes = {f"arm{number}": {"classic": 10 + number} for number in range(arms)}
    changes = {"arms": recipes, "replicates": replicates, "folds": {"number": folds}}
    changes |= {"contrasts": ["arm1 - arm0"], "study": "graph"}
    return planning(folder, lesions, **changes)
