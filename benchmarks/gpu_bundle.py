"""Before and after a study on a GPU machine: its bundle, and the tables of what it predicted.

`python -m benchmarks.gpu_bundle prepare FOLDER CONFIG [KEY=VALUE ...]` cuts the ROIs of a config's
cohort and writes what the study needs into FOLDER/bundle: some ten MB. Arms that need further
files (fresh lesions, albumentations) or no network stay out, with their contrasts.
`python -m benchmarks.gpu_bundle tables FOLDER` turns the predictions that `gpu_study` left in
FOLDER/tables into endpoints and verdicts, and prints them with the time that each piece took.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from augtrial.comparison import compare_networks
from augtrial.figures.tables import read_table
from augtrial.files import read_json, write_arrays, write_json, write_table
from augtrial.predictions import read_predictions
from augtrial.recipes import Recipes
from augtrial.record import study_facts, versions
from augtrial.report.markdown import summary
from augtrial.roi import read_contexts, write_contexts
from augtrial.settings import Arm
from augtrial.spelling import contrast_arms
from augtrial.study import Study
from benchmarks.ceiling import Ceiling
from benchmarks.paired import markdown
from benchmarks.roofline import classifier_step, synthesizer_step

ROOT = Path(__file__).parents[1]


def merged(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a config with changes at any depth, as Snakemake's --config makes them."""
    result = dict(config)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(value, dict) and isinstance(old, dict)
        result[key] = merged(old, value) if both else value
    return result


def portable(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with the arms that need networks, ROIs and synthetic images alone."""
    outside = ("oracle", "baseline", "transforms")
    arms = {k: v for k, v in config["arms"].items() if not any((v or {}).get(o) for o in outside)}
    contrasts = [c for c in config["contrasts"] if set(contrast_arms(c)) <= set(arms)]
    return config | {"arms": arms, "contrasts": contrasts}


def prepare(folder: Path, config: Path, changes: Sequence[str] = ()) -> None:
    """Write FOLDER/config.yaml and FOLDER/bundle."""
    changed = {key: yaml.safe_load(value) for key, value in (c.split("=", 1) for c in changes)}
    values = portable(merged(yaml.safe_load(config.read_text(encoding="utf-8")), changed))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    study = Study.from_config(values)
    places = [f"results/{study.settings.study}/replicate1/part{part}" for part in study.folds]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", ".", "--cores", str(os.cpu_count()), "--quiet", "all"]
    command += ["--configfile", str(folder / "config.yaml"), "--"]
    subprocess.run([*command, *(f"{place}/rois.npz" for place in places)], check=True)
    _write_lesions(folder / "bundle", study, places)
    write_json(folder / "bundle/study.json", _told(study))


def _write_lesions(bundle: Path, study: Study, places: list[str]) -> None:
    arrays = [np.load(f"{place}/rois.npz") for place in places]
    rois = {key: np.concatenate([own[key] for own in arrays]) for key in ("images", "lesion_id")}
    write_arrays(bundle / "rois.npz", **rois)
    contexts = [own for place in places for own in read_contexts(f"{place}/contexts.npz")]
    write_contexts(bundle / "contexts.npz", contexts)
    rows = [[lesion.lesion_id, lesion.patient_id or "", lesion.label] for lesion in study.lesions]
    write_table(
        bundle / "lesions.csv", pd.DataFrame(rows, columns=["lesion_id", "patient_id", "label"])
    )


def _told(study: Study) -> dict[str, Any]:
    recipes, settings = Recipes(study), study.settings
    return {
        "study": settings.study,
        "seed": settings.seed,
        "size": settings.roi.size,
        "classes": study.classes,
        "folds": study.folds,
        "replicates": study.replicates,
        "parts": {
            replicate: {
                part: [lesion.lesion_id for lesion in study.part(replicate, part)]
                for part in study.folds
            }
            for replicate in study.replicates
        },
        "classic": settings.classic.model_dump(),
        "plain": Arm().model_dump(),
        "synthesizers": {
            name: {
                "settings": recipes.synthesizer_values(name, 1),
                "images": recipes.samples_drawn(name),
            }
            for name in settings.used_synthesizers
        },
        "synthesizer_replicate": {
            replicate: study.synthesizer_replicate(replicate).number
            for replicate in study.replicates
        },
        "classifier": recipes.classifier_values(),
        "arms": {name: recipes.arm_training(name, 1) for name in settings.arms},
        "curves": {name: recipes.curve_training(name) for name in settings.curves},
    }


def tables(folder: Path) -> str:
    """Write endpoints, verdicts and curves beside the predictions; return them as Markdown."""
    study = Study.from_config(yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8")))
    settings, place = study.settings, folder / "tables"
    predictions = read_predictions(place / "predictions.csv")
    histories = read_table(place / "histories.csv")
    histories = histories[histories["arm"].notna()]
    stops, curves = (
        read_predictions(path for path in [place / f"predictions_{name}.csv"] if path.exists())
        for name in ("stops", "curve")
    )
    found = compare_networks(
        predictions,
        histories,
        settings.contrasts,
        classes=study.classes,
        curves=curves,
        stops=stops,
        endpoint=settings.primary_endpoint,
        margin=settings.margin,
        confidence=settings.confidence,
    )
    for name, table in found.items():
        table["conditional_on"] = study.conditional_on
        write_table(place / f"{name}.csv", table)
    times = pd.read_csv(place / "times.csv", keep_default_na=False)
    facts = study_facts(study) | {"versions": versions()}
    facts |= {"devices": times["device"].value_counts().to_dict()}
    write_json(folder / "study.json", facts)
    ceiling = Ceiling(**read_json(place / "ceiling.json"))
    return f"{summary(folder)}\n{_times(times, study, ceiling)}\n"


def _times(times: pd.DataFrame, study: Study, ceiling: Ceiling) -> str:
    """Return seconds a kind of work, and how many times its floor that is (see `roofline`)."""
    settings, size = study.settings, study.settings.roi.size
    steps = {name: synthesizer_step(own, size) for name, own in settings.used_synthesizers.items()}
    steps[""] = classifier_step(settings.classifier, size)
    rows = []
    for (work, name), own in times.groupby(["work", "name"], sort=False):
        updates, took = own["updates"].sum(), own["seconds"].sum()
        floor = updates * ceiling.floor(*steps[name])
        rows.append(
            [
                f"{work} {name}".strip(),
                len(own),
                f"{updates:,}",
                f"{took:.0f}",
                f"{took / floor:.1f}",
            ]
        )
    speed = f"Matrix product {ceiling.operations / 1e12:.3g} TFLOP/s, copy "
    speed += f"{ceiling.bytes / 1e9:.3g} GB/s."
    columns = ["work", "pieces", "updates", "seconds", "seconds / floor"]
    return f"{speed}\n\n{markdown(columns, rows)}"


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "prepare":
        prepare(Path(where), Path(rest[0]), rest[1:])
    else:
        print(tables(Path(where)))
