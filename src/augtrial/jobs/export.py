"""A study's training sets and what its folds hold out, as files for networks made elsewhere."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from augtrial.config.load import read_settings_file
from augtrial.core.errors import UserError
from augtrial.core.io import read_arrays, read_table, write_arrays, write_table
from augtrial.pipeline.finished_study import RECORDED, recorded_study, require
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.study import Study

if TYPE_CHECKING:
    from augtrial.imaging.training_set import TrainingSet

SNAKEFILE = Path(__file__).parents[3] / "Snakefile"
COMMAND = "snakemake training_images --cores 2 --configfile"
README = """\
# Training sets of the study {study}

Written by `augtrial export`. A fold's network may learn from the `train` files of its own fold and
replicate, and from nothing else: not from another fold's, which hold the lesions that it is judged
on, and not from `held_out`. Nothing may be chosen (epochs, thresholds, settings) by how it does on
`held_out`. What scales or summarises images (a mean, principal components) learns from `train` too.

`<arm>/replicate<r>/fold<k>/train.npz`: what this arm's network of replicate r, fold k learns from.

| array | meaning |
|---|---|
| `images` | uint8 [n, {size}, {size}]; 0 and 255 are the ends of the study's window |
| `labels` | [n], the index of each image's class in `classes` |
| `classes` | the names of the classes: {classes} |

`<arm>/replicate<r>/fold<k>/train.csv`: a row for each of these images, in their order.

| column | meaning |
|---|---|
| `index` | place in `images`, from 0 |
| `label` | name of its class |
| `source` | where it comes from (see below) |
| `lesion_id` | the training lesion that it shows; empty for synthetic and fresh ones |

A `source` is `roi` (a lesion as it is), `classic` (a variant of one), `duplicate` (an image of this
set once more), `oracle` (a fresh lesion of a new patient), a synthesizer's name, or `online`: a
lesion in whose place the study's own network sees a new variant in every batch.

`held_out/replicate<r>/fold<k>/images.npz`: `images`, uint8 [m, {size}, {size}], of the lesions that
replicate r and fold k hold out; `lesions.csv` beside it: a row for each of them, in their order.

| column | meaning |
|---|---|
| `index` | place in `images`, from 0 |
| `lesion_id`, `patient_id` | as in the lesion table; `patient_id` may be empty |
| `fold`, `replicate` | k and r |
| `label` | name of its class |

For a verdict add the columns `arm`, `predicted` (a class) and `p_<class>` for each class to the
rows of `lesions.csv`, for every fold, replicate and arm, and hand the tables to `augtrial compare`.
Size curves and subsets of the patients are not exported.
"""


def export_study(source: Path, folder: Path) -> str:
    """Write the training set of every arm, replicate and fold, and the lesions that it may not see.

    `source` is a study's config file or, of a finished study, its folder of results; `folder` must
    be empty or not exist. Returns what was written, in a sentence.

    Raises:
        UserError: no such study, its images are not made yet, or the folder is in use.
    """
    study, command = _open(source)
    paths = Paths(study)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty; name a new folder")
    title = f"{source}: the images of this study are not there yet; these are missing:"
    require(paths.training_images(), command, title)
    sets = 0
    for replicate in study.replicates:
        for fold in study.folds:
            inner = f"replicate{replicate}/fold{fold}"
            _write_held_out(paths, replicate, fold, folder / "held_out" / inner)
            for arm, learnt in _training_sets(paths, replicate, fold):
                _write_training_set(learnt, study.classes, folder / arm / inner)
                sets += 1
    size, classes = study.settings.roi.size, ", ".join(study.classes)
    text = README.format(study=study.settings.study, size=size, classes=classes)
    (folder / "README.md").write_text(text, encoding="utf-8")  # last: what has it is whole
    megabytes = sum(file.stat().st_size for file in folder.rglob("*.npz")) / 1e6
    return f"{sets} training sets, {megabytes:,.1f} MB: {folder / 'README.md'} says what is where"


def require_current(config: Path) -> None:
    """Check by a dry run of Snakemake that the images of a study are made, by these settings.

    Raises:
        UserError: there are none yet, other settings made them, or they are cut short.
    """
    words = ["--directory", ".", "--dry-run", "training_images", "--configfile", str(config)]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr)
    if "Nothing to be done" not in done.stdout + done.stderr:
        raise UserError(
            f"{config}: the images of this study are not there yet, or other settings or code made "
            f"them; make them with: {COMMAND} {shlex.quote(str(config))}"
        )


def _open(source: Path) -> tuple[Study, str]:
    """Return a study, and the command that makes its images."""
    if not source.is_dir():
        settings = read_settings_file(source)
        study = Study.from_config(settings.model_dump(mode="json"), str(source))
        return study, f"{COMMAND} {shlex.quote(str(source))}"
    if missing := [name for name in RECORDED if not (source / name).exists()]:
        raise UserError(
            f"{source} holds no finished study ({missing[0]} is missing); name the study's config "
            "file in its place"
        )
    study = recorded_study(source)
    if not source.resolve().match(study.root):
        raise UserError(
            f"{source} holds the results of the study '{study.settings.study}', which lie in "
            f"{study.root}; give the folder its name back, or name the study's config file"
        )
    study.root = str(source)  # from wherever it is exported
    return study, f"{COMMAND} ITS-CONFIG.yaml"


def _training_sets(paths: Paths, replicate: int, fold: int) -> Iterator[tuple[str, "TrainingSet"]]:
    """Yield each arm and its training set, by the function that the study's own trainings use."""
    from augtrial.jobs.classifiers import training_sets

    study, params = paths.study, JobParams(paths.study)
    arms = params.arms(replicate)
    sets = training_sets(
        [training for training in params.trainings(replicate) if training["name"] in arms],
        rois=paths.training_rois(replicate, fold),
        variants=paths.training_variants(replicate, fold),
        samples=paths.training_samples(replicate, fold),
        transformed=paths.transformed(replicate, fold),
        classes=study.classes,
        seed=study.settings.seed,
        replicate=str(replicate),
    )
    yield from zip(arms, sets, strict=True)


def _write_training_set(learnt: "TrainingSet", classes: list[str], folder: Path) -> None:
    arrays = {"images": learnt.images, "labels": learnt.labels, "classes": np.array(classes)}
    write_arrays(folder / "train.npz", **arrays)
    columns = {"label": np.take(classes, learnt.labels), "source": learnt.sources}
    table = pd.DataFrame({**columns, "lesion_id": learnt.image_lesions})
    write_table(folder / "train.csv", table.rename_axis("index").reset_index())


def _write_held_out(paths: Paths, replicate: int, fold: int, folder: Path) -> None:
    arrays = read_arrays([paths.held_out(replicate, fold)])
    lesions = read_table(paths.held_out(replicate, fold, "rois.csv"))
    assert lesions["lesion_id"].tolist() == arrays["lesion_id"].tolist()
    lesions = lesions.assign(index=range(len(lesions)), fold=fold, replicate=replicate)
    write_arrays(folder / "images.npz", images=arrays["images"])
    columns = ["index", "lesion_id", "patient_id", "fold", "replicate", "label"]
    write_table(folder / "lesions.csv", lesions[columns])
