"""Before and after a study on a GPU machine: its ROIs, and the tables of what it predicted.

`gpu_study.sh` says how. Arms that need further files (fresh lesions, albumentations) or no network
stay out with their contrasts, and so do subsets of the patients and the second networks of fitness.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from snakemake.utils import update_config

from augtrial.core.io import read_histories, read_json, write_json, write_table
from augtrial.core.names import PRIMARY_ENDPOINTS, contrast_arms
from augtrial.jobs.predictions import gather_predictions
from augtrial.jobs.provenance import record_study
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.provenance import study_facts
from augtrial.pipeline.study import Study
from augtrial.reporting.report.markdown import summary
from augtrial.statistics.comparison import compare_networks
from augtrial.statistics.predictions import read_predictions
from benchmarks.gpu_study import FINISHED, PREDICTIONS, open_folder
from benchmarks.paired import ROOT, markdown, snakemake_command

PACKAGES = ("pydantic", "pydantic-core", "annotated-types", "typing-inspection")
OUTSIDE = ("oracle", "baseline", "transforms")  # what arms have that stay at home


def portable(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with the arms that need networks, ROIs and synthetic images alone."""
    arms = {k: v for k, v in config["arms"].items() if not any((v or {}).get(o) for o in OUTSIDE)}
    contrasts = [c for c in config["contrasts"] if set(contrast_arms(c)) <= set(arms)]
    return config | {"arms": arms, "contrasts": contrasts, "subsets": {}, "fitness": False}


def prepare(folder: Path, config: Path, changes: Sequence[str] = ()) -> None:
    """Write FOLDER/results: the study's record, its folds, and the ROIs of the first replicate."""
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    for key, value in (change.split("=", 1) for change in changes):
        update_config(values, {key: yaml.safe_load(value)})
    values = portable(values)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    study = Study.from_config(values)
    files = [f"{study.root}/rois.csv", f"{study.root}/folds.csv"]
    for name in ("rois.npz", "contexts.npz", "rois.csv"):
        files += [Paths(study).rois(1, part, name) for part in study.folds]
    call = snakemake_command(Path("."), folder / "config.yaml", os.cpu_count() or 1)
    subprocess.run([*call, "--quiet", "all", "--", *files], check=True)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / file)
    write_json(folder / study.root / "study.json", study_facts(study))


def pip_command(target: Path, python: str) -> list[str]:
    """Return what puts the locked packages for a Python on Linux into a folder."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = [re.search(rf"^{name}==\S+", lock, re.MULTILINE)[0] for name in PACKAGES]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--upgrade", "--target", str(target)]
    options += ["--python-version", python, "--platform", "manylinux2014_x86_64"]
    return [sys.executable, "-m", "pip", "install", *options, *pins]


def tables(folder: Path) -> str:
    """Write endpoints, verdicts and curves beside the predictions; return them as Markdown."""
    study = open_folder(folder)
    settings, paths, root, found = study.settings, Paths(study), FINISHED / study.root, {}
    folders = [paths.fold_folder(r, fold) for r in study.replicates for fold in study.folds]
    for key, name in PREDICTIONS.items():
        files = [FINISHED / folder / f"{name}.csv" for folder in folders]
        gathered = root / f"{name.removesuffix('_arms')}.csv"
        gather_predictions(files, gathered, arms=list(settings.arms))
        found[key] = read_predictions(gathered)
    compared = compare_networks(
        found["arms"],
        read_histories(FINISHED / path for path in paths.histories()).dropna(subset="arm"),
        settings.contrasts,
        classes=study.classes,
        curves=found["curves"],
        stops=found["updates"],
        endpoint=PRIMARY_ENDPOINTS[settings.primary_endpoint],
        margin=settings.margin,
        confidence=settings.confidence,
        primary=settings.primary_contrast,
        controls=settings.positive_controls,
    )
    for name, table in compared.items():
        write_table(root / f"tables/{name}.csv", table.assign(conditional_on=study.conditional_on))
    trainings = root.glob("replicate*/**/*.json")
    record_study(study_facts(study), trainings, record=root / "study.json")
    return f"{summary(root)}\n{piece_times(study)}\n"


def piece_times(study: Study) -> str:
    """Return the updates and seconds of each kind of work."""
    costs = Costs(study)
    pieces = pd.DataFrame([read_json(path) for path in sorted(FINISHED.glob("pieces/*.json"))])
    rows = []
    for (work, name), took in pieces.groupby(["work", "name"]):
        trainings = costs.synthesizer_trainings(name, 1) if name else costs.network_trainings(1)
        updates = len(took) * sum(training.updates for training in trainings)
        cells = [f"{updates:,}", f"{took['seconds'].sum():.0f}"]
        rows.append([f"{work} {name}".strip(), len(took), *cells])
    return markdown(["work", "pieces", "updates", "seconds"], rows)


if __name__ == "__main__":
    what, where, *words = sys.argv[1:]
    if what == "tables":
        print(tables(Path(where)))
    else:
        python = words.pop(words.index("--packages") + 1) if "--packages" in words else None
        config, *changes = (word for word in words if word != "--packages")
        prepare(Path(where), Path(config), changes)
        if python:
            subprocess.run(pip_command(Path(where, "packages"), python), check=True)
