"""The stages of a study, one by one: each prepares what it is given, yields, and works.

The networks are quick.yaml's. What only takes room is made up: variants that are read, predictions,
features.
"""

import csv
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import sklearn.manifold  # noqa: F401  # no stage is charged for its import
import torch
import yaml
from snakemake.iocontainers import Namedlist

from augtrial.appraisal import COPIES, Side, appraise
from augtrial.classifier import build_classifier, predict
from augtrial.classifier_training import train_classifier
from augtrial.cohort.table import read_table
from augtrial.comparison import compare
from augtrial.device import Device
from augtrial.embedding import embed, neighbour_accuracy
from augtrial.features import ClassifierFeatures
from augtrial.figures.drawer import draw
from augtrial.figures.style import Look
from augtrial.files import write_table
from augtrial.folds import split_patients
from augtrial.memorisation import HARMONICS, RINGS
from augtrial.predictions import read_predictions
from augtrial.recipes import Recipes
from augtrial.settings import Arm, Budget, read_settings
from augtrial.snake import CHECK, check_pictures
from augtrial.study import Study
from augtrial.synthesizers.adversarial import build_pair, train_pair
from augtrial.synthesizers.samples import draw_samples
from augtrial.trainingset import assemble, read_parts
from benchmarks.costs import memory
from benchmarks.engines import noise

CPU = Device(torch.device("cpu"), bfloat16=False)
ROOT = Path(__file__).parents[1]
QUICK = yaml.safe_load((ROOT / "config/quick.yaml").read_text(encoding="utf-8"))
SETTINGS = read_settings(QUICK, "quick.yaml")
CLASSES = ("cyst", "metastasis", "hemangioma")
FOLDS, SIZE, LOOK = 3, 64, SETTINGS.fidelity.images
IMAGES = 1 + SETTINGS.embedding.variants  # of each lesion in the t-SNE picture


def draw_cohort(folder: Path, lesions: int) -> Path:
    """Draw pictures in which a bright ellipse on noise is a lesion; return their table."""
    own = folder / str(lesions)
    own.mkdir()
    rng = np.random.default_rng(0)
    with open(own / "lesions.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["lesion_id", "patient_id", "label", "image", "mask"])
        for number in range(lesions):
            picture, mask = (
                rng.integers(60, 120, (128, 128), np.uint8),
                np.zeros((128, 128), np.uint8),
            )
            shape = (64, 64), tuple(rng.integers(16, 40, 2).tolist()), float(rng.integers(180))
            cv2.ellipse(mask, shape, 255, -1)
            picture[mask > 0] += rng.integers(40, 80, dtype=np.uint8)
            for name, pixels in (("image", picture), ("mask", mask)):
                cv2.imwrite(str(own / f"{name}{number}.png"), pixels)
            files = f"image{number}.png", f"mask{number}.png"
            patient, label = number // 2, CLASSES[number % len(CLASSES)]
            table.writerow([f"l{number}", f"p{patient}", label, *files])
    return own / "lesions.csv"


def config(folder: Path, lesions: int, **changes: object) -> dict:
    """Return the quick study of these lesions."""
    table = {"cohort": {"table": str(folder / str(lesions) / "lesions.csv")}}
    return QUICK | table | {"study": "growth", "roi": {"window": [0, 255]}} | changes


def study_of(folder: Path, lesions: int) -> Study:
    """Return the quick study of these lesions, opened."""
    return Study.from_config(config(folder, lesions))


def run_script(name: str, *, inputs: dict, outputs: dict, params: dict, **wildcards: str) -> None:
    """Run a script of the workflow as Snakemake would."""
    given = {"input": inputs, "output": outputs, "params": params, "wildcards": wildcards}
    named = {key: Namedlist(fromdict=values) for key, values in given.items()}
    job = SimpleNamespace(log=[f"{name}.log"], **named)
    runpy.run_path(str(ROOT / f"workflow/scripts/{name}.py"), {"snakemake": job})


def part_files(folder: Path, lesions: int) -> dict[str, str]:
    """Return the files of a part: a third of the lesions."""
    names = {"rois": "rois.npz", "contexts": "contexts.npz", "table": "rois.csv"}
    return {key: str(folder / str(lesions) / name) for key, name in names.items()}


def reading(folder: Path, lesions: int) -> Iterator[None]:
    """Read and check the lesion table, as at every start of Snakemake."""
    yield
    read_table(folder / str(lesions) / "lesions.csv")


def checking(folder: Path, lesions: int) -> Iterator[None]:
    """Read and check every picture, as at the first start."""
    study = study_of(folder, lesions)
    os.chdir(folder / str(lesions))  # where its stamp says to the next start that all is well
    Path(study.root, CHECK).unlink(missing_ok=True)
    yield
    assert not list(check_pictures(study))


def splitting(folder: Path, lesions: int) -> Iterator[None]:
    """Share the patients out to folds, for one replicate."""
    cohort = read_table(folder / str(lesions) / "lesions.csv").lesions
    patients, labels = [own.patient_id for own in cohort], [own.label for own in cohort]
    yield
    split_patients(patients, labels, FOLDS, seed=1, replicate=1)


def extracting(folder: Path, lesions: int) -> Iterator[float]:
    """Cut the ROIs of a part; return the MB that it wrote."""
    study = study_of(folder, lesions)
    rows, reach = study.part_rows(1, 1), Recipes(study).reach()
    params = {"lesions": rows, "roi": study.settings.roi.model_dump(), "reach": reach}
    outputs = part_files(folder, lesions)
    yield
    run_script("extract_rois", inputs={}, outputs=outputs, params=params)
    yield sum(Path(path).stat().st_size for path in outputs.values()) / 1e6


def varying(folder: Path, lesions: int, variants: int) -> Iterator[float]:
    """Cut a part's variants; return the MB that it wrote."""
    classic = {"rotations": variants // 10, "flips": 3, "translations": 3, "scales": 3}
    params = {"classic": classic, "size": SIZE, "seed": 1}
    outputs = {"variants": "variants.npy", "table": "variants.csv"}
    inputs = part_files(folder, lesions)
    yield
    run_script("make_variants", inputs=inputs, outputs=outputs, params=params, replicate="1")
    yield sum(Path(path).stat().st_size for path in outputs.values()) / 1e6


def assembling(folder: Path, lesions: int, variants: int, classic: int | str) -> Iterator[float]:
    """Assemble an arm's training set from two of three parts; return its images."""
    rois, files = part_files(folder, lesions)["rois"], ["one.npy", "other.npy"]
    with np.load(rois) as arrays:
        shape = (len(arrays["label"]), variants, SIZE, SIZE)
    for file in files:  # a file with holes reads as zeros, and fills no disk
        np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape).flush()
    yield
    parts = read_parts([rois, rois], files)
    yield len(assemble(Arm(classic=classic), parts, CLASSES, seed=1, replicate=1).images)


def training(folder: Path, images: int, updates: int) -> Iterator[None]:
    """Train a classifier for some updates."""
    budget, options = Budget(updates=updates), {"classes": 3, "seed": 1, "device": CPU}
    data = noise(images)
    yield
    train_classifier(*data, SETTINGS.classifier, budget, **options)


def synthesizing(folder: Path, images: int) -> Iterator[None]:
    """Train a DCGAN for an epoch."""
    settings = SETTINGS.synthesizers["dcgan"].model_copy(update={"epochs": 1, "snapshots": 1})
    data, labels = noise(images)
    yield
    train_pair(data, labels * 0, settings, classes=1, seed=1, device=CPU)


def sampling(folder: Path, images: int) -> Iterator[None]:
    """Draw a class's samples."""
    settings = SETTINGS.synthesizers["dcgan"]
    generator = build_pair(settings, classes=1, size=SIZE, seed=1).generator
    yield
    draw_samples(generator, images, latent=settings.latent, label=0, seed=1)


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
    one = pd.DataFrame({"number": np.arange(lesions)})
    one["lesion_id"], one["patient_id"] = "l" + one["number"].astype(str), one["number"] // 2
    one["fold"], one["label"] = one["patient_id"] % FOLDS, np.take(CLASSES, one["number"] % 3)
    keys = [(arm, replicate) for arm in names for replicate in range(replicates)]
    table = pd.concat(one.assign(arm=arm, replicate=number) for arm, number in keys)
    scores = rng.dirichlet(np.ones(len(CLASSES)), len(table))
    scores[np.arange(len(table)), table["number"] % 3] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    table["predicted"] = np.take(CLASSES, scores.argmax(axis=1))
    table[[f"p_{label}" for label in CLASSES]] = scores
    write_table("predictions.csv", table.drop(columns="number"))
    del table, scores
    yield
    contrasts = [f"{one} - {other}" for one, other in zip(names[1:], names, strict=False)]
    compare(read_predictions("predictions.csv"), contrasts)


def describing(folder: Path, lesions: int) -> Iterator[None]:
    """Describe a part's lesions for the appraisal: each ROI and eight variants."""
    with np.load(part_files(folder, lesions)["rois"]) as arrays:
        rois, labels = arrays["images"], arrays["label"]
    variants = np.repeat(rois[:, None], COPIES, axis=1)
    yield
    Side.of_part(rois, variants, labels)


def appraising(folder: Path, lesions: int) -> Iterator[None]:
    """Appraise a synthesizer's samples in one fold, its lesions described before."""
    rng, network = (
        np.random.default_rng(0),
        build_classifier(SETTINGS.classifier, classes=3, size=SIZE, seed=1),
    )

    def side(number: int) -> Side:
        described = rng.random((number, 1 + COPIES, RINGS * HARMONICS), np.float32)
        images = rng.integers(0, 256, (number, 1 + COPIES, SIZE, SIZE), np.uint8)
        return Side(images, described, np.take(CLASSES, np.arange(number) % 3))

    sides = side(lesions - lesions // FOLDS), side(lesions // FOLDS)
    samples = {label: noise(LOOK)[0] for label in CLASSES}
    called = {f"samples/{label}": np.repeat(label, LOOK) for label in CLASSES}
    called["held out"] = sides[1].labels
    yield
    appraise(samples, *sides, [ClassifierFeatures(network)], called, seed=1)


def points(lesions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, classes and patients of the t-SNE picture: a part with some variants."""
    number, rng = lesions // FOLDS, np.random.default_rng(0)
    lesion = np.repeat(np.arange(number), IMAGES)
    width = SETTINGS.classifier.dense
    features = (lesion % 3)[:, None] + rng.standard_normal((len(lesion), width), np.float32)
    return features.astype(np.float32), np.take(CLASSES, lesion % 3), lesion // 2


def embedding(folder: Path, lesions: int) -> Iterator[None]:
    """Lay a part's lesions and variants out by t-SNE."""
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
    write_table(
        "points.csv",
        pd.DataFrame(arm | {"image": (["roi"] + ["variant"] * (IMAGES - 1)) * (lesions // FOLDS)}),
    )
    write_table("near.csv", pd.DataFrame([{"arm": "classic", "neighbours": 5, "accuracy": 0.9}]))
    look = Look(arms=["classic"], classes=list(CLASSES))
    part = part_files(folder, lesions)
    sources = {
        "contact_sheet": {"rois": [part["rois"]], "measured": part["table"]},
        "embedding": {"points": "points.csv", "neighbours": "near.csv"},
    }
    yield
    for kind, files in sources.items():
        draw(kind, files, look, {}).save(*(f"{kind}.{suffix}" for suffix in ("svg", "pdf", "csv")))
    yield sum(Path(f"{kind}.svg").stat().st_size for kind in sources) / 1e6


def planning(folder: Path, lesions: int, **changes: object) -> Iterator[float]:
    """Let Snakemake build the graph of a study whose pictures were checked; return its MB."""
    own = folder / str(lesions)
    told = config(folder, lesions, **changes)
    Path("config.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(own), "--configfile", "config.yaml", "--quiet"]
    yield
    with open("told.txt", "w", encoding="utf-8") as file:
        running, most = subprocess.Popen(command, stdout=file, stderr=file), 0.0
        while running.poll() is None:
            most = max(most, memory("RssAnon", running.pid))
            time.sleep(0.02)
    assert running.returncode == 0, Path("told.txt").read_text(encoding="utf-8")
    yield most


def graphing(folder: Path, lesions: int, arms: int, replicates: int, folds: int) -> Iterator[float]:
    """Let Snakemake build the graph of a study of so many classifiers, a job each."""
    own = {f"arm{number}": {"classic": 10 + number} for number in range(arms)}
    changes = {"arms": own, "replicates": replicates, "folds": {"number": folds}}
    changes |= {"jobs": "network", "contrasts": ["arm1 - arm0"], "study": "graph"}
    return planning(folder, lesions, **changes)
