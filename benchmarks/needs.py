"""What jobs asked for against what they took, from the benchmark records of finished studies.

Run `python -m benchmarks.needs results/quick ...` after a study; minutes are by the clock. What a
job took is its script's; what it asked for has the Snakemakes of a job of SLURM in it.
"""

import sys
from pathlib import Path

import pandas as pd

from augtrial.files import read_json
from augtrial.finished import finished_study
from augtrial.needs import Needs
from augtrial.settings import read_settings
from benchmarks.paired import markdown


def asked(folder: Path) -> dict[str, tuple[int, int | None]]:
    """Return for each rule of a finished study the most MB and minutes that a job asks for."""
    study = finished_study(read_settings(read_json(folder / "study.json")["settings"]), "")
    needs, settings = Needs(study), study.settings
    used, arms = list(settings.used_synthesizers), list(settings.trained_arms)
    curves = list(settings.curves)
    rules: dict[str, tuple[int, int | None]] = {
        "extract_rois": (needs.reading(), None),
        "draw_oracle": (needs.reading(), None),
        "make_variants": (needs.variants(), None),
        "predict_replicate": (needs.looking(), None),
        "appraise_samples": (needs.looking(), None),
        "embed_lesions": (needs.looking(), None),
        "compare_arms": (needs.tables(), None),
        "train_classifiers": (
            needs.classifiers(1, arms, curves),
            needs.classifiers_minutes(1, arms, curves),
        ),
        "train_arm": (
            max(needs.classifiers(1, [arm]) for arm in arms),
            max(needs.classifiers_minutes(1, [arm]) for arm in arms),
        ),
    }
    if used:
        rules["draw_samples"] = max(map(needs.samples, used)), None
        rules["train_synthesizers"] = (
            needs.synthesizers(1, used),
            needs.synthesizers_minutes(1, used),
        )
        rules["train_synthesizer"] = (
            needs.synthesizers(1, used),
            max(needs.synthesizers_minutes(1, [own], study.scopes(own)[0]) for own in used),
        )
    if curves:
        rules["train_curve"] = (
            max(needs.classifiers(1, [], [curve]) for curve in curves),
            max(needs.classifiers_minutes(1, [], [curve]) for curve in curves),
        )
    return rules


def rows(folder: Path) -> list[list[object]]:
    """Return a row for each rule that asks and was measured."""
    found = []
    for rule, (megabytes, minutes) in asked(folder).items():
        files = [*folder.glob(f"benchmarks/{rule}/*.tsv"), *folder.glob(f"benchmarks/{rule}.tsv")]
        if files:
            took = pd.concat([pd.read_csv(path, sep="\t") for path in files])
            memory, time = took["max_rss"].max(), took["s"].max() / 60
            found.append(
                [
                    f"{folder.name}: {rule}",
                    megabytes,
                    f"{memory:.0f}",
                    f"{megabytes / memory:.1f}",
                    "" if minutes is None else minutes,
                    f"{time:.1f}",
                ]
            )
    return found


def text(folders: list[Path]) -> str:
    """Return the table as Markdown."""
    columns = ["study: rule", "asked, MB", "took, MB", "asked / took", "asked, min", "took, min"]
    return markdown(columns, [row for folder in folders for row in rows(folder)])


if __name__ == "__main__":
    print(text([Path(word) for word in sys.argv[1:]]))
