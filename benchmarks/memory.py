"""What jobs asked for against what they took, from the benchmark records of finished studies.

Run `python -m benchmarks.memory CORES results/quick ...` after a study on so many cores; minutes
are by the clock. What a job took is its script's; what it asked for has the Snakemakes of a job of
SLURM in it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from augtrial.pipeline.costs import Costs
from augtrial.pipeline.finished_study import recorded_study
from augtrial.pipeline.study import Study
from benchmarks.paired import markdown


def asked(study: Study, cores: int) -> Iterator[tuple[str, int, int | str]]:
    """Yield for each rule the most MB and minutes that a job asks for."""
    costs, fold = Costs(study, cores), study.folds[0]
    yield "extract_rois", costs.reading_mb(), ""
    yield "draw_oracle", costs.reading_mb(), ""
    yield "make_variants", costs.variants_mb(), ""
    yield "compare_arms", costs.tables_mb(), ""
    for rule in ("predict_replicate", "appraise_samples", "embed_lesions"):
        yield rule, costs.looking_mb(), ""
    threads = costs.network_threads(1, fold)
    minutes = costs.minutes(costs.network_trainings(1))
    yield "train_classifiers", costs.networks_mb(1, threads), minutes
    names = costs.job_params.synthesizers(1)
    if names:
        threads = {name: costs.synthesizer_threads(1, fold, name) for name in names}
        most = max(costs.synthesizer_mb(name, 1, threads[name]) for name in names)
        minutes = max(costs.minutes(costs.synthesizer_trainings(name, 1)) for name in names)
        yield "train_synthesizer", most, minutes


def rows(folder: Path, cores: int) -> Iterator[list[object]]:
    """Yield a row for each rule that asks and was measured."""
    for rule, megabytes, minutes in asked(recorded_study(folder), cores):
        files = [*folder.glob(f"benchmarks/{rule}/*.tsv"), *folder.glob(f"benchmarks/{rule}.tsv")]
        if files:
            took = pd.concat([pd.read_csv(path, sep="\t") for path in files])
            memory, time = took["max_rss"].max(), took["s"].max() / 60
            cells = [f"{memory:.0f}", f"{megabytes / memory:.1f}", minutes, f"{time:.1f}"]
            yield [f"{folder.name}: {rule}", megabytes, *cells]


def text(folders: list[Path], cores: int) -> str:
    columns = ["study: rule", "asked, MB", "took, MB", "asked / took", "asked, min", "took, min"]
    return markdown(columns, [row for folder in folders for row in rows(folder, cores)])


if __name__ == "__main__":
    print(text([Path(word) for word in sys.argv[2:]], int(sys.argv[1])))
