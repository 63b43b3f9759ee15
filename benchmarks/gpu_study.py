"""A whole study on a GPU machine, piece by piece, by the product's own jobs and without Snakemake.

`gpu_study.sh` says how. What has to travel back (predictions, histories, records, and how the
samples of the first replicate grew) is copied to FOLDER/finished after each piece of work.
"""

import itertools
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from augtrial.core.io import read_arrays, read_json, write_arrays, write_json, write_table
from augtrial.core.replicate import Replicate
from augtrial.imaging.context import read_contexts, write_contexts
from augtrial.jobs.classifiers import train_classifiers
from augtrial.jobs.predictions import predict_replicate
from augtrial.jobs.synthesizers import train_synthesizer
from augtrial.jobs.variants import make_variants
from augtrial.pipeline.code_hash import source_hash
from augtrial.pipeline.finished_study import recorded_study
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.study import Study
from augtrial.training.device import training_device

FINISHED = Path("finished")
MORE = 75  # EX_TEMPFAIL: not all is done
PREDICTIONS = {"arms": "predictions_arms", "curves": "predictions_curve"}
PREDICTIONS |= {"updates": "predictions_updates"}
SYNTHESIZER = {"networks": "networks.pt", "history": "history.csv", "progress": "progress.npz"}
SYNTHESIZER |= {"record": "networks.json", "samples": "samples.npz"}
CLASSIFIERS = {"networks": ".pt", "history": ".history.csv", "record": ".json"}


class Piece(NamedTuple):
    """A piece of work: a method of `GpuStudy`, a synthesizer's name or "", and where."""

    work: str
    name: str
    replicate: int
    fold: int

    @property
    def record(self) -> Path:
        """Where it is noted once it is done: how long it took, and on which device."""
        return FINISHED / f"pieces/{'.'.join(map(str, self))}.json"

    def longest(self) -> float:
        """Return the seconds that the longest of its like took so far."""
        like = FINISHED.glob(f"pieces/{self.work}.{self.name}.*.json")
        return max((read_json(path)["seconds"] for path in like), default=0)


def open_folder(folder: str | Path) -> Study:
    """Return the study that was prepared in a folder, which is the working directory then."""
    os.chdir(folder)
    (record,) = Path("results").glob("*/study.json")
    return recorded_study(record.parent)


class GpuStudy:
    """The pieces of a prepared study."""

    def __init__(self, study: Study) -> None:
        self.study, self.settings = study, study.settings
        self.paths, self.params = Paths(study), JobParams(study)
        kinds = {f"synthesizers.{s.kind}" for s in self.settings.used_synthesizers.values()}
        jobs = ["jobs.synthesizers", "jobs.classifiers", *study.task_modules, *sorted(kinds)]
        self.common = {"code": source_hash(*jobs), "checkpoints": self.paths.checkpoints}
        self.common |= {"classes": study.classes, "seed": self.settings.seed, "workers": 1}
        self.common |= {"device": self.settings.device, "precision": self.settings.precision}

    def synthesizer(self, name: str, replicate: int, fold: int) -> None:
        """Train a synthesizer in a fold, its networks side by side, and draw its samples."""
        path = partial(self.paths.synthesizer, replicate, fold, name)
        train_synthesizer(
            name,
            self.params.synthesizer_values(name, replicate),
            contexts=self.paths.synthesizer_contexts(replicate, fold, name),
            on_the_fly=self.params.synthesizer_variants(name),
            others=self.paths.used_networks(replicate, fold, name),
            samples=self.params.samples_drawn(name, replicate),
            outputs={key: path(file) for key, file in SYNTHESIZER.items()},
            kind_code="",
            **self._inputs(replicate, fold),
        )

    def classifiers(self, _: str, replicate: int, fold: int) -> None:
        """Train the classifiers of a fold side by side, and predict what it holds out."""
        path = partial(self.paths.networks, replicate, fold)
        judged = {"task": self.settings.task, "settings": self.params.classifier_values()}
        train_classifiers(
            self.params.trainings(replicate),
            contexts=self.paths.on_the_fly_contexts(replicate, fold),
            samples=self.paths.training_samples(replicate, fold),
            transformed={},
            user_code="",
            size=self.settings.roi.size,
            outputs={key: path(suffix) for key, suffix in CLASSIFIERS.items()},
            **judged,
            **self._inputs(replicate, fold),
        )
        folder = self.paths.fold_folder(replicate, fold)
        predict_replicate(
            [path()],
            [self.paths.held_out(replicate, fold)],
            [self.paths.held_out(replicate, fold, "rois.csv")],
            folds=[fold],
            replicate=str(replicate),
            classes=self.study.classes,
            outputs={key: f"{folder}/{name}.csv" for key, name in PREDICTIONS.items()},
            **judged,
        )

    def _inputs(self, replicate: int, fold: int) -> dict[str, Any]:
        """Return what both trainings of a fold are told, once the variants are cut."""
        parts = self.study.training_parts(fold)
        return self.common | {
            "replicate": str(replicate),
            "fold": str(fold),
            "variants": [self._variants(replicate, part) for part in parts],
            "rois": self.paths.training_rois(replicate, fold),
        }

    def _variants(self, replicate: int, part: int) -> str:
        """Return the variants of a part, which are cut if they are not there."""
        variants, settings = self.paths.variants(replicate, part), self.settings
        if not Path(self.paths.rois(replicate, part)).exists():
            self._write_rois(self.study.split_of(replicate))
        if not Path(variants).exists():
            make_variants(
                rois=self.paths.rois(replicate, part),
                contexts=self.paths.rois(replicate, part, "contexts.npz"),
                classic=settings.classic.model_dump(),
                size=settings.roi.size,
                seed=settings.seed,
                replicate=str(replicate),
                variants=variants,
                table=variants.replace(".npy", ".csv"),
            )
        return variants

    def _write_rois(self, replicate: Replicate) -> None:
        """Write the ROIs of a replicate's parts: those of the first replicate, dealt anew."""
        parts, names = self.study.folds, ("rois.npz", "contexts.npz", "rois.csv")
        first = [[self.paths.rois(1, part, name) for part in parts] for name in names]
        images, contexts = read_arrays(first[0]), [c for p in first[1] for c in read_contexts(p)]
        table = pd.concat(pd.read_csv(p, dtype=str, keep_default_na=False) for p in first[2])
        position = {lesion: index for index, lesion in enumerate(table["lesion_id"])}
        for part in parts:
            chosen = [position[lesion.lesion_id] for lesion in self.study.part(replicate, part)]
            rois, around, rows = (self.paths.rois(replicate, part, name) for name in names)
            write_table(rows, table.iloc[chosen])
            write_contexts(around, [contexts[index] for index in chosen])
            write_arrays(rois, **{name: values[chosen] for name, values in images.items()})

    def pieces(self) -> Iterator[Piece]:
        """Yield what is still to do, in an order in which each finds what it needs."""
        for replicate, fold in itertools.product(self.study.replicates, self.study.folds):
            last = Piece("classifiers", "", replicate, fold)
            if last.record.exists():
                continue
            trained = self.study.synthesizer_replicate(replicate).number
            for name in self.params.synthesizers(replicate):
                if not Path(*self.paths.samples(replicate, fold, [name])).exists():
                    yield Piece("synthesizer", name, trained, fold)
            yield last

    def run(self, until: float) -> bool:
        """Work until a time; return whether all is done.

        A piece that would end too late, if it took as long as the longest of its like, is not
        begun, but for the first.
        """
        with training_device(self.settings.device, self.settings.precision) as device:
            name = device.name
        for number, piece in enumerate(self.pieces()):
            begin = time.monotonic()
            if number and begin + piece.longest() > until:
                return False
            getattr(self, piece.work)(piece.name, piece.replicate, piece.fold)
            self._keep(piece)
            seconds = round(time.monotonic() - begin, 2)
            write_json(piece.record, piece._asdict() | {"seconds": seconds, "device": name})
            print(*piece, seconds, flush=True)
        return True

    def _keep(self, piece: Piece) -> None:
        """Copy the small files of a fold to where they travel back from."""
        grids = {"progress.npz"} if piece.replicate == 1 else set()
        for path in Path(self.paths.fold_folder(piece.replicate, piece.fold)).rglob("*"):
            if path.suffix in (".csv", ".json") or path.name in grids:
                (FINISHED / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, FINISHED / path)


def main(words: Sequence[str]) -> int:
    until = time.monotonic() + 60 * float(words[1])
    return 0 if GpuStudy(open_folder(words[0])).run(until) else MORE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
