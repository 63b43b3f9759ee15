"""A whole study on a GPU, in steps, where there are PyTorch, NumPy and pandas and no more.

`benchmarks/gpu_study.sh` says how. `python -m benchmarks.gpu_study FOLDER MINUTES` goes on with the
study whose bundle lies in the folder (see `gpu_bundle`) for that long: for each replicate it cuts
the variants on the device, trains the synthesizers of all folds side by side and draws their
images, and trains the classifiers of each fold, arms and curves, side by side. Tables, and the
images of each synthesizer's first fold, stand in FOLDER/tables after each piece of work. It ends
with 0 when all is done and with 75 when there is more to do.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from augtrial import seeds
from augtrial.classic import sample_variants
from augtrial.classifier import (
    ClassifierTraining,
    build_classifier,
    predict,
    recipe_and_stop,
)
from augtrial.device_resampler import Pictures
from augtrial.engine import train_all
from augtrial.files import read_json, write_arrays, write_json, write_table
from augtrial.online import DeviceVariants
from augtrial.predictions import prediction_rows
from augtrial.roi import Context, read_contexts
from augtrial.synthesizers.adversarial import PairTraining
from augtrial.synthesizers.samples import draw_samples
from augtrial.synthesizers.units import is_joint, unit_images, units_of
from augtrial.training import Device, training_device
from augtrial.trainingset import Part, TrainingSet, assemble
from benchmarks.ceiling import Ceiling

MORE = 75  # EX_TEMPFAIL: not all is done
CHUNK = 240  # variants that are cut at once


class Tables:
    """The study's tables, each of which grows by the rows of a piece of work."""

    def __init__(self, folder: Path) -> None:
        """Go on from the tables that are there."""
        self.folder = folder

    def read(self, name: str) -> pd.DataFrame:
        """Return a table as it now is, ids and labels as text."""
        path = self.folder / f"{name}.csv"
        text = dict.fromkeys(("lesion_id", "patient_id", "label"), str)
        if not path.exists():
            return pd.DataFrame()
        return pd.read_csv(path, dtype=text, keep_default_na=False)

    def add(self, name: str, rows: pd.DataFrame) -> None:
        """Add rows to a table."""
        if len(rows):
            write_table(self.folder / f"{name}.csv", pd.concat([self.read(name), rows]))

    def has(self, name: str, **values: object) -> bool:
        """Return whether a table has rows with these values."""
        table = self.read(name)
        if table.empty:
            return False
        return bool((table[list(values)] == pd.Series(values)).all(axis=1).any())


class GpuStudy:
    """A study from its bundle, on one device."""

    def __init__(self, folder: Path, device: Device) -> None:
        """Read the bundle."""
        self.folder, self.device = folder, device
        self.told = SimpleNamespace(**read_json(folder / "bundle/study.json"))
        self.lesions = pd.read_csv(
            folder / "bundle/lesions.csv", dtype=str, keep_default_na=False
        ).set_index("lesion_id", drop=False)
        self.tables = Tables(folder / "tables")
        with np.load(folder / "bundle/rois.npz") as arrays:
            self.rois = dict(zip(arrays["lesion_id"].tolist(), arrays["images"], strict=True))
        self.classic = SimpleNamespace(**self.told.classic)
        self.variants_of: dict[int, dict[str, np.ndarray]] = {}

    @cached_property
    def contexts(self) -> dict[str, Context]:
        """The lesions' surroundings."""
        found = read_contexts(self.folder / "bundle/contexts.npz")
        return dict(zip(self.rois, found, strict=True))

    @cached_property
    def pictures(self) -> Pictures:
        """The lesions' surroundings on the device."""
        return Pictures(
            list(self.contexts.values()),
            self.told.size,
            margin=self.classic.scale_range[1],
            device=self.device.torch,
        )

    def variants(self, replicate: int) -> dict[str, np.ndarray]:
        """Return lesion -> its N variants uint8 [N, s, s], those of one replicate at a time."""
        if replicate not in self.variants_of:
            self.variants_of = {replicate: dict(self._cut(replicate))}
        return self.variants_of[replicate]

    def _cut(self, replicate: int) -> Iterator[tuple[str, np.ndarray]]:
        for place, (lesion, context) in enumerate(self.contexts.items()):
            draw = seeds.generator(self.told.seed, "variants", replicate, lesion)
            variants = sample_variants(context.diameter, self.classic, draw)
            maps = np.stack([v.square(context.square).matrix(self.told.size) for v in variants])
            parts = torch.from_numpy(maps.astype(np.float32)).to(self.device.torch).split(CHUNK)
            images = [
                self.pictures.cut(torch.full((len(own),), place, device=own.device), own)
                for own in parts
            ]
            whole = (torch.cat(images)[:, 0] * 255).round().to(torch.uint8)
            yield lesion, whole.cpu().numpy()

    def parts(self, replicate: int, fold: int) -> list[Part]:
        """Return the training parts of a fold, and no other."""
        variants = self.variants(replicate)
        parts = self.told.parts[str(replicate)]
        return [
            Part(
                tuple(ids),
                tuple(self.lesions.loc[ids, "label"]),
                np.stack([self.rois[lesion] for lesion in ids]),
                np.stack([variants[lesion] for lesion in ids]),
            )
            for part, ids in parts.items()
            if part != str(fold)
        ]

    def learnt(
        self, recipe: dict[str, Any], parts: list[Part], replicate: int, **more: Any
    ) -> TrainingSet:
        """Return the training set of a recipe from the training parts of a fold."""
        whose = {"seed": self.told.seed, "replicate": replicate}
        return assemble(SimpleNamespace(**recipe), parts, self.told.classes, **whose, **more)

    # Pieces of work ------------------------------------------------------------------------

    def samples_file(self, name: str, replicate: int) -> Path:
        """Return where the images of a synthesizer's folds stand: they do not travel."""
        return self.folder / f"samples/{name}.{replicate}.npz"

    def train_synthesizer(self, name: str, replicate: int) -> int:
        """Train a synthesizer for every fold, side by side; return the number of updates."""
        values = self.told.synthesizers[name]
        settings, classes = SimpleNamespace(**values["settings"]), self.told.classes
        joint = is_joint(settings)
        recipe = self.told.plain | {"classic": settings.classic}
        units = units_of(settings, classes)
        learnt = {
            f: self.learnt(recipe, self.parts(replicate, f), replicate) for f in self.told.folds
        }
        places = [(fold, unit) for fold in self.told.folds for unit in units]

        def trainings() -> Iterator[PairTraining]:
            for fold, unit in places:
                images, labels = unit_images(learnt[fold], unit, classes)
                yield PairTraining(
                    images,
                    labels,
                    settings,
                    classes=len(classes) if joint else 1,
                    seed=seeds.derive(self.told.seed, name, str(replicate), str(fold), unit),
                    device=self.device,
                )

        samples: dict[str, np.ndarray] = {}
        grids: dict[str, np.ndarray] = {}
        updates = 0
        for (fold, unit), trained in zip(places, train_all(trainings(), self.device), strict=True):
            updates += trained.updates
            what = {"synthesizer": name, "replicate": replicate, "fold": fold, "unit": unit}
            self.tables.add("losses", pd.DataFrame([what | row for row in trained.history]))
            for index, label in enumerate(classes if joint else [unit]):
                place = name, str(replicate), str(fold), label
                samples[f"{fold}/{label}"] = images = draw_samples(
                    trained.pair.generator,
                    values["images"],
                    latent=settings.latent,
                    label=index,
                    seed=seeds.derive(self.told.seed, "samples", *place),
                    device=self.device.torch,
                )
                grids[f"{fold}/{label}"] = images[:16]
        write_arrays(self.folder / f"tables/samples_{name}.npz", **grids)
        write_arrays(self.samples_file(name, replicate), **samples)
        return updates

    def samples(self, replicate: int, fold: int) -> dict[str, dict[str, np.ndarray]]:
        """Return synthesizer -> class -> the images drawn for a fold."""
        found = {}
        for name in self.told.synthesizers:
            with np.load(self.samples_file(name, replicate)) as arrays:
                found[name] = {c: arrays[f"{fold}/{c}"] for c in self.told.classes}
        return found

    def train_classifiers(self, replicate: int, fold: int) -> int:
        """Train and judge the classifiers of a fold, side by side; return the updates."""
        told, where = self.told, (str(replicate), str(fold))
        settings = SimpleNamespace(**told.classifier)
        samples, parts = self.samples(replicate, fold), self.parts(replicate, fold)
        networks = [
            (kind, name, recipe, training)
            for kind, own in (("arm", told.arms), ("curve", told.curves))
            for name, training in own.items()
            for recipe in training["recipes"]
        ]

        def trainings() -> Iterator[ClassifierTraining]:
            for kind, _, recipe, training in networks:
                learnt = self.learnt(training["recipes"][recipe], parts, replicate, samples=samples)
                online = None
                if training["online"]:
                    online = DeviceVariants(
                        [self.contexts[lesion] for lesion in learnt.lesion_ids],
                        self.classic,
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
                    stops=told.stops if kind == "arm" else [],
                )

        ids = told.parts[str(replicate)][str(fold)]
        held_out = np.stack([self.rois[lesion] for lesion in ids])
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
                lesions = self.lesions.loc[ids].reset_index(drop=True)
                rows[table].append(prediction_rows(lesions, probabilities, told.classes, what))
        self.tables.add("histories", pd.DataFrame(histories))
        for table in ("_curve", "_stops", ""):  # the arms last: they say that all is done
            if rows[table]:
                self.tables.add(f"predictions{table}", pd.concat(rows[table]))
        return updates

    # The order of work ---------------------------------------------------------------------

    def pieces(self) -> Iterator[tuple[str, str, int, int, Any]]:
        """Yield what is still to do: its kind, name, replicate, fold, and the work."""
        for replicate in self.told.replicates:
            folds = [
                fold
                for fold in self.told.folds
                if not self.tables.has("predictions", replicate=replicate, fold=fold)
            ]
            own = self.told.synthesizer_replicate[str(replicate)]
            for name in self.told.synthesizers if folds else ():
                if not self.samples_file(name, own).exists():
                    yield (
                        "synthesizer",
                        name,
                        own,
                        0,
                        lambda n=name, r=own: self.train_synthesizer(n, r),
                    )
            for fold in folds:
                yield (
                    "classifiers",
                    "",
                    replicate,
                    fold,
                    lambda r=replicate, f=fold: self.train_classifiers(r, f),
                )

    def run(self, until: float) -> bool:
        """Work until a time; return whether all is done.

        A piece that would take as long as its like took last time is not begun too late.
        """
        if not (self.tables.folder / "ceiling.json").exists():
            write_json(self.tables.folder / "ceiling.json", vars(Ceiling.of(self.device)))
        took: dict[str, float] = {}
        for kind, name, replicate, fold, work in self.pieces():
            begin = time.monotonic()
            if begin + took.get(kind + name, 0) > until:
                return False
            updates = work()
            took[kind + name] = time.monotonic() - begin
            row = {"work": kind, "name": name, "replicate": replicate, "fold": fold}
            row |= {"updates": updates, "seconds": round(took[kind + name], 2)}
            self.tables.add("times", pd.DataFrame([row | {"device": self.device.name}]))
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
