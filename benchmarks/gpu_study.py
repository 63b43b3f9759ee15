"""A whole study on a GPU, in steps, where there are PyTorch, NumPy and pandas and no more.

`benchmarks/gpu_study.sh` says how. `python -m benchmarks.gpu_study FOLDER MINUTES` goes on with the
study whose bundle lies in the folder (see `gpu_bundle`) for that long: for each replicate it cuts
the variants on the device, and for each fold it trains a synthesizer's networks side by side, draws
their images, and trains the classifiers, arms and curves, side by side. Tables, and some images of
the first replicate's synthesizers, stand in FOLDER/tables after each piece of work. It ends with 0
when all is done and with 75 when there is more to do.
"""

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from augtrial import seeds
from augtrial.classifier import (
    build_classifier,
    predict,
    recipe_and_stop,
)
from augtrial.classifier_training import ClassifierTraining
from augtrial.device import Device, training_device
from augtrial.engine import train_all
from augtrial.files import write_arrays, write_json, write_table
from augtrial.online import DeviceVariants
from augtrial.predictions import TEXT, prediction_rows
from augtrial.synthesizers.adversarial import PairTraining
from augtrial.synthesizers.samples import draw_samples
from augtrial.synthesizers.units import is_joint, unit_images, units_of
from benchmarks.ceiling import Ceiling
from benchmarks.gpu_cohort import GpuCohort

NAMES = (*TEXT, "name", "recipe", "synthesizer", "unit")  # text, whatever they look like
MORE = 75  # EX_TEMPFAIL: not all is done


class Tables:
    """The study's tables, each of which grows by the rows of a piece of work."""

    def __init__(self, folder: Path) -> None:
        """Go on from the tables that are there."""
        self.folder = folder

    def read(self, table: str) -> pd.DataFrame:
        """Return a table as it now is, ids and labels as text."""
        path = self.folder / f"{table}.csv"
        text = dict.fromkeys(NAMES, str)
        if not path.exists():
            return pd.DataFrame()
        return pd.read_csv(path, dtype=text, keep_default_na=False)

    def add(self, table: str, rows: pd.DataFrame, piece: Mapping[str, object]) -> None:
        """Add the rows of a piece of work; those of an earlier, killed try at it go."""
        before = self.read(table)
        kept = before[~_of(before, piece)]
        if len(rows):
            write_table(self.folder / f"{table}.csv", pd.concat([kept, rows]))

    def has(self, table: str, **piece: object) -> bool:
        """Return whether a table has rows of a piece of work."""
        return bool(_of(self.read(table), piece).any())


def _of(table: pd.DataFrame, piece: Mapping[str, object]) -> np.ndarray:
    """Return which rows are of a piece of work: bool [n]."""
    if table.empty:
        return np.zeros(0, np.bool_)
    return (table[list(piece)] == pd.Series(piece)).all(axis=1).to_numpy()


class GpuStudy:
    """A study from its bundle, on one device."""

    def __init__(self, folder: Path, device: Device) -> None:
        """Read the bundle, and how far the study is."""
        self.folder, self.device = folder, device
        self.cohort = GpuCohort(folder / "bundle", device)
        self.told, self.tables = self.cohort.told, Tables(folder / "tables")

    # Pieces of work ------------------------------------------------------------------------

    def samples_file(self, name: str, replicate: int, fold: int) -> Path:
        """Return where the images of a fold's synthesizer stand: they do not travel."""
        return self.folder / f"samples/{name}.{replicate}.{fold}.npz"

    def trained_in(self, replicate: int) -> int:
        """Return which replicate's synthesizers serve a replicate: with shared ones the first."""
        return self.told.synthesizer_replicate[str(replicate)]

    def train_synthesizer(self, name: str, replicate: int, fold: int) -> int:
        """Train a fold's networks of a synthesizer, side by side; return the number of updates."""
        values = self.told.synthesizers[name]
        settings, classes = SimpleNamespace(**values["settings"]), self.told.classes
        joint = is_joint(settings)
        recipe = self.told.plain | {"classic": settings.classic}
        learnt = self.cohort.learnt(recipe, self.cohort.parts(replicate, fold), replicate)
        units, where = units_of(settings, classes), (name, str(replicate), str(fold))

        def trainings() -> Iterator[PairTraining]:
            for unit in units:
                images, labels = unit_images(learnt, unit, classes)
                yield PairTraining(
                    images,
                    labels,
                    settings,
                    classes=len(classes) if joint else 1,
                    seed=seeds.derive(self.told.seed, *where, unit),
                    device=self.device,
                )

        samples: dict[str, np.ndarray] = {}
        updates = 0
        for unit, trained in zip(units, train_all(trainings(), self.device), strict=True):
            updates += trained.updates
            what = {"synthesizer": name, "replicate": replicate, "fold": fold, "unit": unit}
            losses = pd.DataFrame([what | row for row in trained.history])
            self.tables.add("losses", losses, what)
            for index, label in enumerate(classes if joint else [unit]):
                samples[label] = draw_samples(
                    trained.pair.generator,
                    values["images"],
                    latent=settings.latent,
                    label=index,
                    seed=seeds.derive(self.told.seed, "samples", *where, label),
                    device=self.device.torch,
                )
        if replicate == self.told.replicates[0]:
            grids = {label: images[:16] for label, images in samples.items()}
            write_arrays(self.tables.folder / f"samples_{name}.{fold}.npz", **grids)
        write_arrays(self.samples_file(name, replicate, fold), **samples)
        return updates

    def samples(self, replicate: int, fold: int) -> dict[str, dict[str, np.ndarray]]:
        """Return synthesizer -> class -> the images drawn for a fold."""
        found = {}
        for name in self.told.synthesizers:
            with np.load(self.samples_file(name, self.trained_in(replicate), fold)) as arrays:
                found[name] = dict(arrays)
        return found

    def train_classifiers(self, replicate: int, fold: int) -> int:
        """Train and judge the classifiers of a fold, side by side; return the updates."""
        told, where = self.told, (str(replicate), str(fold))
        settings = SimpleNamespace(**told.classifier)
        samples, parts = self.samples(replicate, fold), self.cohort.parts(replicate, fold)
        networks = [
            (kind, name, recipe, training)
            for kind, own in (("arm", told.arms), ("curve", told.curves))
            for name, training in own.items()
            for recipe in training["recipes"]
        ]

        def trainings() -> Iterator[ClassifierTraining]:
            for _, _, recipe, training in networks:
                learnt = self.cohort.learnt(
                    training["recipes"][recipe], parts, replicate, samples=samples
                )
                online = None
                if training["online"]:
                    online = DeviceVariants(
                        [self.cohort.contexts[lesion] for lesion in learnt.lesion_ids],
                        self.cohort.classic,
                        told.size,
                        seed=seeds.derive(told.seed, "online", *where),
                        device=self.device,
                    )
                budget = {"epochs": None, "updates": None} | training["budget"]
                yield ClassifierTraining(
                    learnt.images,
                    learnt.labels,
                    settings,
                    SimpleNamespace(**budget),
                    classes=len(told.classes),
                    seed=seeds.derive(told.seed, "classifier", *where),
                    device=self.device,
                    online=online,
                    stops=training["stops"],
                )

        ids = told.parts[str(replicate)][str(fold)]
        held_out = np.stack([self.cohort.rois[lesion] for lesion in ids])
        judge = build_classifier(settings, classes=len(told.classes), size=told.size)
        judge.to(self.device.torch)
        rows: dict[str, list[pd.DataFrame]] = {"": [], "_curve": [], "_stops": []}
        histories, updates = [], 0
        for (kind, name, recipe, _), trained in zip(
            networks, train_all(trainings(), self.device), strict=True
        ):
            updates += trained.updates
            place = {"replicate": replicate, "fold": fold}
            histories += [place | {kind: name, "recipe": recipe, **row} for row in trained.history]
            for own, state in trained.networks(recipe).items():
                judge.load_state_dict(state)
                stop = recipe_and_stop(own)[1]
                what = place | {kind: name}
                what |= {"size": int(recipe)} if kind == "curve" else {}
                what |= {} if stop is None else {"updates": stop}
                table = "_curve" if kind == "curve" else "" if stop is None else "_stops"
                probabilities, _ = predict(judge, held_out)
                lesions = self.cohort.lesions.loc[ids].reset_index(drop=True)
                rows[table].append(prediction_rows(lesions, probabilities, told.classes, what))
        piece = {"replicate": replicate, "fold": fold}
        self.tables.add("histories", pd.DataFrame(histories), piece)
        for table in ("_curve", "_stops", ""):  # the arms last: they say that all is done
            if rows[table]:
                self.tables.add(f"predictions{table}", pd.concat(rows[table]), piece)
        return updates

    # The order of work ---------------------------------------------------------------------

    def pieces(self) -> Iterator[tuple[dict[str, Any], Callable[[], int]]]:
        """Yield what is still to do: what it is called, and the work."""
        for replicate, fold in itertools.product(self.told.replicates, self.told.folds):
            if self.tables.has("predictions", replicate=replicate, fold=fold):
                continue
            own = self.trained_in(replicate)
            for name in self.told.synthesizers:
                if not self.samples_file(name, own, fold).exists():
                    what = {"work": "synthesizer", "name": name, "replicate": own, "fold": fold}
                    yield what, partial(self.train_synthesizer, name, own, fold)
            what = {"work": "classifiers", "name": "", "replicate": replicate, "fold": fold}
            yield what, partial(self.train_classifiers, replicate, fold)

    def run(self, until: float) -> bool:
        """Work until a time; return whether all is done.

        A piece that would take as long as its like took last time is not begun too late, but for
        the first.
        """
        if not (self.tables.folder / "ceiling.json").exists():
            write_json(self.tables.folder / "ceiling.json", vars(Ceiling.of(self.device)))
        rows = self.tables.read("times").to_dict("records")
        took = {(row["work"], row["name"]): row["seconds"] for row in rows}
        for number, (piece, work) in enumerate(self.pieces()):
            begin, kind = time.monotonic(), (piece["work"], piece["name"])
            if number and begin + took.get(kind, 0) > until:
                return False
            updates = work()
            took[kind] = round(time.monotonic() - begin, 2)
            row = piece | {"updates": updates, "seconds": took[kind], "device": self.device.name}
            self.tables.add("times", pd.DataFrame([row]), piece)
            print(row, flush=True)
        return True


def main(words: Sequence[str]) -> int:
    """Go on with the study of a folder for some minutes."""
    folder, minutes = Path(words[0]), float(words[1])
    until = time.monotonic() + 60 * minutes
    with training_device() as device:
        print(f"{device.name}, {minutes} minutes", flush=True)
        return 0 if GpuStudy(folder, device).run(until) else MORE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
