"""What a piece of work costs in a fresh process: seconds and memory."""

import os
import resource
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import torch

Stage = Callable[..., Iterator[float | None]]  # prepares, yields, works, and may yield a number


@dataclass(frozen=True)
class Cost:
    """What a stage took: seconds of a core; MB of memory of its own, and with the pages of files
    that it maps; and what it yields as its result, such as the MB that it wrote.
    """

    seconds: float
    held: float
    resident: float
    result: float


def memory(key: str, process: int | str = "self") -> float:
    """Return a process's memory in MB: RssAnon (its own), VmRSS, or VmHWM (the highest); 0 of one
    that has ended.
    """
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    found = [int(line.split()[1]) for line in lines if line.startswith(f"{key}:")]
    return 1024e-6 * sum(found)


def worked() -> float:
    """Return the seconds that a core has worked for this process and those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


@contextmanager
def watched() -> Iterator[list[float]]:
    """Give the most memory of its own that the process held meanwhile, in MB."""
    most, over = [memory("RssAnon")], Event()

    def watch() -> None:
        while not over.wait(0.005):
            most[0] = max(most[0], memory("RssAnon"))

    thread = Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def cost(stage: Stage, folder: Path, *args: object) -> Cost:
    """Return what a stage costs in this process, beyond what it was begun with."""
    torch.set_num_threads(1)
    held, resident = memory("RssAnon"), memory("VmRSS")
    with TemporaryDirectory(dir=folder) as working_directory:
        os.chdir(working_directory)
        stages = stage(folder, *args)
        next(stages)
        with watched() as most:
            begin = worked()
            found = next(stages, None)
            took = worked() - begin
        os.chdir(folder)
    return Cost(took, most[0] - held, memory("VmHWM") - resident, found or 0.0)


class Bench:
    """Runs stages, each in a fresh process that has imported what it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        context = get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.stages"])
        self.pool = ProcessPoolExecutor(1, context, max_tasks_per_child=1)

    def cost(self, stage: Stage, *args: object) -> Cost:
        found = self.pool.submit(cost, stage, self.folder, *args).result()
        print(f"  {stage.__name__} {args}: {found}", file=sys.stderr, flush=True)
        return found
