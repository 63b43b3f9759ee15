"""Timing things against each other in one run: A B A B, medians and ratios.

Each figure of docs/benchmarks.md comes from here, so that a busy machine slows both sides.
"""

import platform
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import torch

ROOT = Path(__file__).parents[1]


class Seconds(float):
    """What a work says that it took, its preparations left out."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes, or what it says of itself in `Seconds`."""
    begin = time.perf_counter()
    found = work()
    return found if isinstance(found, Seconds) else time.perf_counter() - begin


def paired(works: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Return the median seconds of each, called in turn `rounds` times after one warm-up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: median(took) for name, took in times.items()}


def markdown(columns: list[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table; the first column reads left, numbers right."""
    rule = ["---"] + ["---:"] * (len(columns) - 1)
    lines = [columns, rule, *([str(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def titled(tables: Iterable[tuple[str, tuple[list[str], Iterable[Iterable[object]]]]]) -> str:
    """Return tables, each a title with columns and rows, below their titles."""
    return "\n\n".join(f"{title}\n\n{markdown(*table)}" for title, table in tables)


def snakemake_command(folder: Path, config: Path, cores: int, *words: str) -> list[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(config)]
    return [*command, "--cores", str(cores), *words]


def machine() -> str:
    """Return the processor (and the GPU) by name, and the versions that matter."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    if torch.cuda.is_available():
        name += f"; {torch.cuda.get_device_name()}"
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{name} ({capability}), PyTorch {torch.__version__}, one thread a process"
