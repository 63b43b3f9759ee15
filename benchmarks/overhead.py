"""What a study costs beyond its trainings: the share of the wall time that trained nothing.

Run `python -m benchmarks.overhead [cores]`: it runs config/quick.yaml, whole and with the four arms
of the paper alone, on a quiet machine: about fifteen minutes on two cores. The overhead is the wall
time less the seconds that the trainings themselves report, at full use of all cores.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from benchmarks.paired import markdown, seconds

ROOT = Path(__file__).parents[1]
QUICK = ROOT / "config/quick.yaml"
FOUR = ("none", "classic", "classic+dcgan", "classic+acgan")
TRAINED = re.compile(r"^trained .* in ([\d.]+) s$", re.MULTILINE)


def four_arms(config: dict) -> dict:
    """Return the quick study with the paper's four arms alone."""
    arms = {name: config["arms"][name] for name in FOUR}
    pairs = [
        contrast
        for contrast in config["contrasts"]
        if all(arm in FOUR for arm in contrast.split(" - "))
    ]
    return config | {"arms": arms, "contrasts": pairs}


def run(config: dict, folder: Path, cores: int) -> None:
    """Run a study to its end in an empty folder."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(path), "--cores", str(cores)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": f"{folder}/cache"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])


def training_seconds(results: Path) -> float:
    """Return what all trainings of a study say that they took, added up."""
    logs = (results / "logs").glob("train_*/*.log")
    return sum(float(found) for log in logs for found in TRAINED.findall(log.read_text()))


def jobs(results: Path) -> list[list[object]]:
    """Return for each rule how many jobs it had and their seconds in the mean."""
    took: dict[str, list[float]] = defaultdict(list)
    for path in (results / "benchmarks").rglob("*.tsv"):
        rule = path.parent.name if path.parent.name != "benchmarks" else path.stem
        took[rule].append(float(pd.read_csv(path, sep="\t")["s"].iloc[0]))
    return [
        [rule, len(own), f"{sum(own) / len(own):.1f}", f"{sum(own):.0f}"]
        for rule, own in sorted(took.items(), key=lambda item: -sum(item[1]))
    ]


def text(cores: int = 2) -> str:
    """Return both tables as Markdown."""
    config = yaml.safe_load(QUICK.read_text(encoding="utf-8"))
    rows, by_rule = [], []
    for name, own in (("the paper's four arms", four_arms(config)), ("whole", config)):
        with TemporaryDirectory() as folder:
            wall = seconds(partial(run, own, Path(folder), cores))
            results = Path(folder) / "results" / own["study"]
            trained, by_rule = training_seconds(results), jobs(results)
        overhead = 1 - trained / cores / wall
        rows.append([name, f"{wall:.0f}", f"{trained:.0f}", f"{100 * overhead:.0f} %"])
    columns = ["quick study", "wall, s", "trainings, core s", "overhead"]
    rules = ["rule (whole study)", "jobs", "mean, s", "together, s"]
    return "\n\n".join([markdown(columns, rows), markdown(rules, by_rule)])


if __name__ == "__main__":
    print(text(int(sys.argv[1]) if len(sys.argv) > 1 else 2))
