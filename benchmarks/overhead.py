"""What a study costs beyond its trainings: the share of the wall time that trained nothing.

Run `python -m benchmarks.overhead [cores]`: it runs config/quick.yaml, whole and with the four arms
of the paper alone, on a quiet machine: about ten minutes on two cores. The overhead is the wall
time less the seconds that the trainings themselves report, at full use of all cores. Of it, starts
are what Python and the imports of a rule's script take, for each job; work is the rest of what jobs
took; idle is when a core had no job, Snakemake's own start among it.
"""

import ast
import itertools
import os
import re
import subprocess
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from benchmarks.paired import markdown, seconds

ROOT = Path(__file__).parents[1]
QUICK = ROOT / "config/quick.yaml"
FOUR = ("none", "classic", "classic+dcgan", "classic+acgan")
SCRIPT = re.compile(r'^ *script:\n +"../scripts/(.+)"', re.MULTILINE)
RULE = re.compile(r"^ *(?:use )?rule (\w+)(?: as (\w+))?", re.MULTILINE)
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


def jobs(results: Path) -> dict[str, list[float]]:
    """Return for each rule the seconds of its jobs, the rule that took longest first."""
    took: dict[str, list[float]] = defaultdict(list)
    for path in (results / "benchmarks").rglob("*.tsv"):
        rule = path.parent.name if path.parent.name != "benchmarks" else path.stem
        took[rule].append(float(pd.read_csv(path, sep="\t")["s"].iloc[0]))
    return dict(sorted(took.items(), key=lambda item: -sum(item[1])))


def scripts() -> dict[str, str]:
    """Return for each rule the name of its script."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = path.read_text(encoding="utf-8")
        begins = [*RULE.finditer(text), None]
        for rule, following in itertools.pairwise(begins):
            own = SCRIPT.search(text, rule.end(), following.start() if following else len(text))
            name, renamed = rule.groups()
            if script := own[1] if own else found.get(name):
                found[renamed or name] = script
    return found


def start_seconds(script: str) -> float:
    """Return how long a job of a script takes until all is imported, the median of three."""
    tree = ast.parse((ROOT / "workflow/scripts" / script).read_text(encoding="utf-8"))
    (body,) = (node for node in tree.body if isinstance(node, ast.With))
    lines = [node for node in body.body if isinstance(node, ast.Import | ast.ImportFrom)]
    # Snakemake's own preamble comes first, then the script's head.
    code = ["import pickle", "from snakemake import script", "import augtrial.jobs"]
    command = [sys.executable, "-c", "\n".join([*code, *map(ast.unparse, lines)])]
    run = partial(subprocess.run, command, cwd=ROOT, check=True)
    return median(seconds(run) for _ in range(3))


def text(cores: int = 2) -> str:
    """Return both tables as Markdown."""
    config = yaml.safe_load(QUICK.read_text(encoding="utf-8"))
    script_of, rows = scripts(), []
    starts = {name: start_seconds(name) for name in sorted(set(script_of.values()))}
    for name, own in (("the paper's four arms", four_arms(config)), ("whole", config)):
        with TemporaryDirectory() as folder:
            wall = seconds(partial(run, own, Path(folder), cores))
            results = Path(folder) / "results" / own["study"]
            trained, took = training_seconds(results), jobs(results)
        overhead = 1 - trained / cores / wall
        started = sum(len(own) * starts[script_of[rule]] for rule, own in took.items())
        worked = sum(map(sum, took.values()))
        parts = [trained, started, worked - trained - started, cores * wall - worked]
        rows.append([name, f"{wall:.0f}", *(f"{part:.0f}" for part in parts)])
        rows[-1].append(f"{100 * overhead:.0f} %")
    by_rule = []
    for rule, own in took.items():
        times = starts[script_of[rule]], sum(own) / len(own)
        by_rule.append([rule, len(own), *(f"{time:.1f}" for time in times), f"{sum(own):.0f}"])
    columns = ["quick study; core seconds", "wall, s", "trainings", "starts", "work", "idle"]
    rules = ["rule (whole study)", "jobs", "start, s", "mean, s", "together, s"]
    return "\n\n".join([markdown([*columns, "overhead"], rows), markdown(rules, by_rule)])


if __name__ == "__main__":
    print(text(int(sys.argv[1]) if len(sys.argv) > 1 else 2))
