"""What a study costs beyond its trainings: the share of the wall time without training.

`python -m benchmarks overhead`: it runs config/quick.yaml, whole and with the four arms
of the paper alone, on a quiet machine: about ten minutes on two cores. The overhead is the wall
time less the seconds that the trainings themselves report, at full use of all cores. Of it, starts
are what Python and the imports of a rule's script take, for each job; work is the rest of what jobs
took, on all cores that they were given; idle is when a core had no job, Snakemake's own start among
it.
"""

import ast
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from augtrial.core.names import contrast_arms
from benchmarks.paired import ROOT, markdown, seconds, snakemake_command

QUICK, CORES = ROOT / "config/quick.yaml", 2
FOUR = ("none", "classic", "classic+dcgan", "classic+acgan")
SCRIPTS = {  # the others: as the rule
    "draw_results": "draw_figures",
    "draw_images": "draw_figures",
    "train_second_synthesizer": "train_synthesizer",
    "train_feature_classifier": "train_classifiers",
}
BENCHMARK = re.compile(r"^ *benchmark: (.+)$", re.MULTILINE)
THREADS = re.compile(r"^ *threads: (\d+)$", re.MULTILINE)
TRAINED = re.compile(r"^trained .* in ([\d.]+) s$", re.MULTILINE)

Jobs = Mapping[str, Sequence[float]]  # rule -> core seconds of its jobs


def four_arms(config: dict) -> dict:
    arms = {name: config["arms"][name] for name in FOUR}
    contrasts = [c for c in config["contrasts"] if set(contrast_arms(c)) <= set(FOUR)]
    return config | {"arms": arms, "contrasts": contrasts}


def run(config: dict, folder: Path, cores: int) -> str:
    """Run a study to its end in an empty folder; return what Snakemake said."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": f"{folder}/cache"}
    options = {"cwd": ROOT, "env": env, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(snakemake_command(folder, path, cores), **options)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stderr


def training_seconds(folder: Path) -> float:
    """Return what all trainings of a study say that they took, added up."""
    logs = folder.glob("results/*/logs/train_*/*.log")
    return sum(float(found) for log in logs for found in TRAINED.findall(log.read_text()))


def given_threads(output: str) -> dict[str, int]:
    """Return the cores of each job that Snakemake says it gave several, by its benchmark file."""
    blocks = [(BENCHMARK.search(block), THREADS.search(block)) for block in output.split("\n\n")]
    return {path[1]: int(number[1]) for path, number in blocks if path and number}


def jobs(folder: Path, threads: Mapping[str, int]) -> dict[str, list[float]]:
    """Return for each rule the core seconds of its jobs, the rule that took longest first."""
    took: dict[str, list[float]] = defaultdict(list)
    for path in folder.glob("results/*/benchmarks/**/*.tsv"):
        rule = path.parent.name if path.parent.name != "benchmarks" else path.stem
        cores = threads.get(str(path.relative_to(folder)), 1)
        took[rule].append(cores * float(pd.read_csv(path, sep="\t")["s"].iloc[0]))
    return dict(sorted(took.items(), key=lambda item: -sum(item[1])))


def start_seconds(rule: str) -> float:
    """Return how long a job of a rule takes until all is imported, the median of three."""
    script = ROOT / "workflow/scripts" / f"{SCRIPTS.get(rule, rule)}.py"
    tree = ast.parse(script.read_text(encoding="utf-8"))
    (body,) = (node for node in tree.body if isinstance(node, ast.With))
    lines = [node for node in body.body if isinstance(node, ast.Import | ast.ImportFrom)]
    # Snakemake's own preamble comes first, then the script's head.
    head = ["import pickle", "from snakemake import script"]
    head += ["import augtrial.pipeline.script_context"]
    command = [sys.executable, "-c", "\n".join([*head, *map(ast.unparse, lines)])]
    run = partial(subprocess.run, command, cwd=ROOT, check=True)
    return median(seconds(run) for _ in range(3))


def study_row(
    name: str, wall: float, cores: int, trained: float, took: Jobs, starts: Mapping[str, float]
) -> list[str]:
    """Return what a study's core seconds went to; `starts` are the seconds of a job of a rule."""
    started = sum(len(seconds) * starts[rule] for rule, seconds in took.items())
    worked = sum(map(sum, took.values()))
    parts = [wall, trained, started, worked - trained - started, cores * wall - worked]
    return [name, *(f"{part:.0f}" for part in parts), f"{100 - 100 * trained / cores / wall:.0f} %"]


def rule_rows(took: Jobs, starts: Mapping[str, float]) -> list[list[object]]:
    means = {rule: sum(jobs) / len(jobs) for rule, jobs in took.items()}
    return [
        [rule, len(jobs), f"{starts[rule]:.1f}", f"{means[rule]:.1f}", f"{sum(jobs):.0f}"]
        for rule, jobs in took.items()
    ]


def text() -> str:
    config = yaml.safe_load(QUICK.read_text(encoding="utf-8"))
    rows, starts = [], dict[str, float]()
    for name, study in (("the paper's four arms", four_arms(config)), ("whole", config)):
        with TemporaryDirectory() as folder:
            begin = time.perf_counter()
            output = run(study, Path(folder), CORES)
            wall = time.perf_counter() - begin
            took = jobs(Path(folder), given_threads(output))
            trained = training_seconds(Path(folder))
        starts |= {rule: start_seconds(rule) for rule in took if rule not in starts}
        rows.append(study_row(name, wall, CORES, trained, took, starts))
    columns = ["quick study; core seconds", "wall, s", "trainings", "starts", "work", "idle"]
    rules = ["rule (whole study)", "jobs", "start, s", "mean, s", "together, s"]
    tables = [markdown([*columns, "overhead"], rows), markdown(rules, rule_rows(took, starts))]
    return "\n\n".join(tables)
