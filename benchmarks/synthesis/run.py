"""The command: what is measured in which order, and the rows that it leaves behind.

`docs/results/synthesis.csv` gets a row as soon as it is measured. Trainings are kept in
results/.synthesis, so that a longer one begins where a shorter one has ended.
"""

import argparse
import itertools
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

from augtrial.core import seeds
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import TrainedNetwork
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device, training_device
from benchmarks.paired import ROOT, machine
from benchmarks.synthesis.cohorts import SOURCES, cohort, split
from benchmarks.synthesis.measure import MEASURES, judge
from benchmarks.synthesis.recipes import BY_NAME, RECIPES, Recipe
from benchmarks.synthesis.trainings import begin, network_of, pasted, train_until, updates_within

VALUES = ROOT / "docs/results/synthesis.csv"
KEPT = ROOT / "results/.synthesis"  # trainings, and the samples that are shown
POINTS = (10, 30, 60, 120, 300, 900)  # core-seconds a class
EARLY = 120  # until here all seeds, beyond it the first
SEEDS = (1, 2, 3)
SAMPLES = 200  # of each class
SHOWN = 24  # of them, in the order in which they were drawn
SHEETS = (120, 300, 900)  # points whose images are shown
REAL = "real"

KEYS = ["cohort", "recipe", "weights", "seed", "point", "class", "settings"]
ABOUT = ["updates", "core_seconds", "samples", "seen", "unseen"]
COLUMNS = [*KEYS, *ABOUT, *(n for m in MEASURES for n in (m, f"{m}, real")), "fit", "machine"]


@dataclass(frozen=True)
class Work:
    """A training of one recipe's network on a cohort, until its last point, and what draws there.

    `drawn` are names of recipes; a recipe without training has the point 0.
    """

    cohort: str
    recipe: str
    drawn: tuple[str, ...]
    seed: int
    classes: tuple[str, ...]
    points: tuple[int, ...]


def works(
    cohorts: Sequence[str], recipes: Sequence[str], given: Sequence[int], until: int
) -> Iterator[Work]:
    """Yield all work, the most telling first."""
    early = min(EARLY, until)
    stages = [(True, given[:1], early), (False, given[:1], early), (True, given[:1], until)]
    stages += [(True, given[1:], early), (False, given[:1], until), (False, given[1:], early)]
    passed: set[Work] = set()
    for telling, seeds_, last in stages:
        for name in recipes_trained(recipes, telling):
            for seed in seeds_:
                for where in cohorts:
                    for work in _of(where, name, recipes, seed, last):
                        if work not in passed:
                            passed.add(work)
                            yield work


def recipes_trained(recipes: Sequence[str], telling: bool) -> list[str]:
    """Return the recipes whose training draws what is asked for, the telling ones or the rest."""
    wanted = [BY_NAME[name] for name in recipes]
    names = [recipe.source or recipe.name for recipe in wanted]
    return [name for name in dict.fromkeys(names) if BY_NAME[name].telling == telling]


def _of(where: str, name: str, recipes: Sequence[str], seed: int, last: int) -> Iterator[Work]:
    recipe = BY_NAME[name]
    drawn = tuple(r.name for r in RECIPES if name in (r.name, r.source) and r.name in recipes)
    if not recipe.fits(where):
        return
    points: tuple[int, ...] = (0,)
    if recipe.is_trained:
        points = tuple(p for p in sorted({*POINTS, *recipe.points}) if p <= last)
    # A training with a schedule is another one for each point.
    groups = [(p,) for p in points] if recipe.scheduled else [points]
    for classes in synthesizers[recipe.kind].networks(cohort(where).classes).values():
        for group in groups:
            if group:
                yield Work(where, name, drawn, seed, classes, group)


def rows_of(path: Path) -> pd.DataFrame:
    """Return the rows that were measured."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path, dtype={"fit": str, "class": str, "settings": str})


def do(work: Work) -> None:
    """Train and measure what is missing of a work."""
    name = f"{work.cohort}.{work.recipe}.{work.seed}.{'-'.join(work.classes)}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with FileLock(KEPT / f"{name}.lock"):  # a shorter training of the same network goes first
        recipe = BY_NAME[work.recipe]
        multiply_adds = _multiply_adds(recipe, work)
        with training_device("cpu", kind=recipe.kind, multiply_adds=multiply_adds) as device:
            _train(work, recipe, device)


def _multiply_adds(recipe: Recipe, work: Work) -> float:
    settings = recipe.settings(cohort(work.cohort))
    kind, size = synthesizers[recipe.kind], cohort(work.cohort).roi.size
    return kind.cost(settings, classes=len(work.classes), size=size).multiply_adds


def _train(work: Work, recipe: Recipe, device: Device) -> None:
    missing = [point for point in work.points if _missing(work, point)]
    if not missing:
        return
    where = work.cohort, work.seed, work.classes
    key = [recipe.key(cohort(work.cohort)), *where, device.name]
    checkpoint = None
    if recipe.is_trained and not recipe.scheduled:
        checkpoint = Checkpoint(KEPT, key, every=0)
    training = begin(recipe, *where, device, checkpoint=checkpoint)
    if checkpoint and training.seconds > missing[0] * len(work.classes):
        # Its rows are gone, and it is beyond them.
        checkpoint.path.unlink()
        training = begin(recipe, *where, device, checkpoint=checkpoint)
    for point in missing:
        seconds = point * len(work.classes)
        if recipe.scheduled:
            updates = updates_within(begin(recipe, *where, device), seconds)
            training = begin(recipe, *where, device, updates=updates)
            train_until(training, np.inf)
        elif recipe.is_trained:
            train_until(training, seconds)
        _measure(work, point, training, device)
        if checkpoint:
            training.on_log()  # saves it


def _missing(work: Work, point: int) -> list[tuple[str, str]]:
    """Return the recipes and weights of which a class has no row at a point."""
    with FileLock(KEPT / "rows.lock"):  # no half a row
        rows = rows_of(VALUES)
    found = []
    for name in work.drawn:
        recipe = BY_NAME[name]
        for weights in recipe.weights:
            about = (work.cohort, name, weights, work.seed, point)
            settings = recipe.key(cohort(work.cohort))
            keys = pd.DataFrame([(*about, c, settings) for c in work.classes], columns=KEYS)
            if len(keys.merge(rows[KEYS].astype(keys.dtypes), on=KEYS)) < len(keys):
                found.append((name, weights))
    return found


def _measure(work: Work, point: int, training: Any, device: Device) -> None:
    """Measure the networks of a training as it now is, and append a row for each class."""
    seconds = training.seconds / len(work.classes) if point else 0.0
    for name, weights in _missing(work, point):
        recipe = BY_NAME[name]
        source = BY_NAME[work.recipe]
        network = network_of(training, source, work.cohort, work.classes, weights)
        if recipe.source:
            network = pasted(network, recipe, work.cohort, work.seed, device)
        about = {"cohort": work.cohort, "recipe": name, "weights": weights, "seed": work.seed}
        about |= {"point": point, "settings": recipe.key(cohort(work.cohort))}
        about |= {"updates": training.update, "core_seconds": seconds, "samples": SAMPLES}
        rows = []
        for label in work.classes:
            images = draw(recipe, network, label, work.seed)
            found = judge(work.cohort, work.seed).measures(label, images)
            rows.append({**about, "class": label, **found, "machine": machine()})
            _keep(images[:SHOWN], work, name, weights, point, label)
        append(rows)
        print(f"{work.cohort} {name} {weights} seed {work.seed}: {point} s", flush=True)


def draw(recipe: Recipe, network: TrainedNetwork, label: str, seed: int) -> np.ndarray:
    """Return samples of one class, uint8 [SAMPLES, s, s]."""
    labels = np.full(SAMPLES, network.classes.index(label))
    chance = seeds.torch_generator(seed, "samples", recipe.name, label)
    return np.asarray(synthesizers[recipe.kind].sample(network, labels, chance))


def _keep(images: np.ndarray, work: Work, name: str, weights: str, point: int, label: str) -> None:
    """Keep what the contact sheets show, of the first seed alone."""
    if work.seed != SEEDS[0] or weights != BY_NAME[name].weights[-1] or point not in (0, *SHEETS):
        return
    real = judge(work.cohort, work.seed).real_variants(label, SHOWN)
    for row, pictures in {(REAL, 0): real, (name, point): images}.items():
        path = shown_path(work.cohort, label, *row)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, pictures)


def shown_path(where: str, label: str, name: str, point: int) -> Path:
    """Return the file of the images that are shown of a recipe's class at a point."""
    return KEPT / "shown" / f"{where}.{label}.{name}.{point}.npy"


def append(rows: Iterable[dict[str, Any]]) -> None:
    """Append rows to the table, numbers with four digits; processes take turns."""
    table = pd.DataFrame(rows)[COLUMNS]
    for column in table.select_dtypes("float"):
        table[column] = table[column].map("{:.4g}".format, na_action="ignore")
    with FileLock(KEPT / "rows.lock"):
        VALUES.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(VALUES, mode="a", header=not VALUES.exists(), index=False)


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments say and is not yet measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks synthesis", description=__doc__)
    names = [recipe.name for recipe in RECIPES]
    parser.add_argument("--cohorts", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--recipes", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument(
        "--until", type=int, default=POINTS[-1], metavar="SECONDS", help="the largest point"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--page", action="store_true", help="only write the page and the figure")
    chosen = parser.parse_args(arguments)
    for where, seed in itertools.product(chosen.cohorts, chosen.seeds):
        if note := split(where, seed).note:
            print(f"{where}, seed {seed}: {note}; they have no measures", flush=True)
    todo = list(works(chosen.cohorts, chosen.recipes, chosen.seeds, chosen.until))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if chosen.jobs == 1:
        failed = [error for error in map(attempt, todo) if error]
    else:
        with multiprocessing.get_context("fork").Pool(chosen.jobs) as pool:
            failed = [error for error in pool.imap_unordered(attempt, todo) if error]
    if failed:
        sys.exit(f"{len(failed)} of {len(todo)} trainings failed; the others are measured")


def attempt(work: Work) -> str:
    """Do a work; return its error, also printed, so that the others go on; empty if none."""
    try:
        do(work)
    except Exception:
        print(f"{work} failed:", file=sys.stderr)
        traceback.print_exc()
        return str(work)
    return ""
