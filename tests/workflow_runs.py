"""Running the workflow on a tiny cohort of pictures, for the tests of the workflow."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from tiny_fold import checkpoint_times, trained_since

ROOT = Path(__file__).parents[1]
CLASSES = ("cyst", "metastasis", "hemangioma")


def make_cohort(folder: Path, *, folds: int = 3, a_class: int = 2, seed: int = 0) -> Path:
    """Write pictures of discs and their lesion table with given folds; return the table."""
    rng = np.random.default_rng(seed)
    rows = ["lesion_id,patient_id,label,image,x0,y0,x1,y1,fold"]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    number = 0
    for fold in range(1, folds + 1):
        for label in CLASSES:
            for _ in range(a_class):
                number += 1
                name = f"L{number:02d}"
                draw_picture(folder / "images" / f"{name}.npy", label, rng)
                rows.append(f"{name},P{number:02d},{label},images/{name}.npy,22,20,42,44,{fold}")
    table = folder / "lesions.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def draw_picture(path: Path, label: str, rng: np.random.Generator) -> None:
    """Write one picture in HU: a disc whose brightness and rim depend on the class."""
    y, x = np.mgrid[:64, :64]
    distance = np.hypot(x - 32, y - 32)
    pixels = rng.normal(110, 12, (64, 64))
    pixels[distance < 10] -= {"cyst": 90, "metastasis": 45, "hemangioma": 30}[label]
    if label == "hemangioma":
        pixels[(distance > 7) & (distance < 10) & (x > 32)] += 120
    np.save(path, pixels.astype(np.float32))


@dataclass
class Run:
    """One call of Snakemake in a folder of its own, on config/tiny.yaml."""

    folder: Path
    table: Path | None = None
    config: str = "config/tiny.yaml"
    package: Path | None = None  # a changed copy of src/, instead of the package itself

    def call(
        self,
        *arguments: str,
        config: Sequence[str] = (),
        cores: int = 2,
        check: bool = True,
        plain: bool = False,
    ) -> subprocess.CompletedProcess:
        """Run Snakemake there and return the finished process; plain names no config file."""
        command = self.command("--cores", str(cores), *arguments, config=config, plain=plain)
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(done.stdout[-4000:] + done.stderr[-4000:])
        return done

    def command(
        self, *arguments: str, config: Sequence[str] = (), plain: bool = False
    ) -> list[str]:
        """Return the command of a call, which runs in the repository's folder."""
        values = list(config)
        if self.table is not None:
            values.append(f"cohort={{table: {self.table}}}")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(self.folder), *arguments]
        command += [] if plain else ["--configfile", str(self.configfile)]
        command += ["--config", *values] if values else []
        return command

    @property
    def environment(self) -> dict[str, str]:
        """What its calls find in the environment: a cache of their own, and the package."""
        found = {**os.environ, "XDG_CACHE_HOME": str(self.folder / ".cache")}
        if self.package is not None:
            paths = [str(self.package), os.environ.get("PYTHONPATH", "")]
            found["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        return found

    @property
    def configfile(self) -> Path:
        """The study's config file, a copy that can be changed."""
        path = self.folder / "study.yaml"
        if not path.exists():
            path.write_text((ROOT / self.config).read_text(encoding="utf-8"), encoding="utf-8")
        return path

    def change(self, **changes) -> None:
        """Change keys of the config file; a value of None leaves the key out."""
        path = self.configfile
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, value in changes.items():
            place, *inner = values, *key.split("__")
            for name in inner[:-1]:
                place = place[name]
            if value is None:
                place.pop(inner[-1])
            else:
                place[inner[-1]] = value
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def planned(self, *targets: str, **options) -> dict[str, set[str]]:
        """Return rule -> the wildcards of the jobs that a dry run plans."""
        return planned_jobs(self.call("--dry-run", *targets, **options).stdout)

    def checkpoints(self) -> dict[Path, int]:
        """Return the checkpoint of every network, and when it was written."""
        return checkpoint_times(self.results / ".checkpoints")

    def trained_since(self, before: dict[Path, int]) -> Counter[str]:
        """Return job -> how many networks it has trained since then."""
        return trained_since(self.results / ".checkpoints", before)

    @property
    def results(self) -> Path:
        """The folder of the tiny study's results."""
        return self.folder / "results" / "tiny"


def planned_jobs(text: str) -> dict[str, set[str]]:
    """Return rule -> wildcards from the text of a dry run."""
    jobs: dict[str, set[str]] = {}
    rule = ""
    for line in text.splitlines():
        if line.startswith(("rule ", "localrule ")):
            rule = line.split()[1].rstrip(":")
            jobs.setdefault(rule, set())
        elif line.strip().startswith("wildcards: ") and rule:
            jobs[rule].add(line.strip().removeprefix("wildcards: "))
    return jobs


def file_graph(text: str) -> dict[str, set[str]]:
    """Return file -> the files it is made of, from the text of a dry run."""
    graph: dict[str, set[str]] = {}
    inputs: set[str] = set()
    for line in text.splitlines():
        words = line.strip()
        if line.startswith(("rule ", "localrule ")):
            inputs = set()
        elif words.startswith("input: "):
            inputs = set(words.removeprefix("input: ").split(", "))
        elif words.startswith("output: "):
            graph |= {path: inputs for path in words.removeprefix("output: ").split(", ")}
    return graph


def ancestors(graph: dict[str, set[str]], path: str) -> set[str]:
    """Return all files that a file depends on, itself included."""
    found, waiting = set(), [path]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += graph.get(path, ())
    return found
