"""Kills a study at random moments and looks whether the next call still ends with the same bytes.

Run `python -m benchmarks.kill_anything [kills] [seed]`: 50 kills of config/tiny.yaml take about
half an hour on two cores. docs/results/kill-anything.md says what each kind of kill is. After one
of Snakemake the next call comes while its jobs may still run, after a cut file with `repair=true`.

Calls follow each other in one folder until one ends well; then all results but logs and benchmarks
are compared with those of an undisturbed run, and a new folder begins.
"""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.paired import ROOT, markdown, snakemake_command

CONFIG = ROOT / "config/tiny.yaml"
KINDS = ("training", "Snakemake", "full disk", "cut file")
LONGEST = 40.0  # seconds from a call's start to its kill
WITHOUT = {"logs", "benchmarks"}  # times are never the same
REPAIR = ("--config", "repair=true")


def begin(folder: Path, *words: str, most_bytes: int | None = None) -> subprocess.Popen:
    """Start Snakemake as a group of processes of its own, with checkpoints every half second."""

    def limit() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.Popen(
        snakemake_command(folder, CONFIG, 2, *words),
        cwd=ROOT,
        env={**os.environ, "AUGTRIAL_CHECKPOINT_SECONDS": "0.5", "XDG_CACHE_HOME": f"{folder}/c"},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr.txt").open("a"),
        start_new_session=True,
        preexec_fn=limit,
    )


def trainings(snakemake: subprocess.Popen) -> list[psutil.Process]:
    """Return the jobs under a call that train a network."""
    children = psutil.Process(snakemake.pid).children(recursive=True)
    return [child for child in children if "train_" in " ".join(_words(child))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def results(folder: Path) -> Iterator[Path]:
    """Yield the finished results of a folder: no logs, no times, no drafts."""
    for path in sorted((folder / "results").rglob("*")):
        inside = path.relative_to(folder / "results").parts
        hidden = any(part.startswith(".") for part in inside)
        if path.is_file() and not hidden and not WITHOUT & set(inside):
            yield path


def digests(folder: Path) -> dict[str, str]:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in results(folder)}
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def disturb(kind: str, folder: Path, rng: random.Random, *words: str) -> bool:
    """Make one call and kill it; return False where it ended well before it could be."""
    limit = rng.randrange(1_000, 200_000) if kind == "full disk" else None
    call = begin(folder, *words, most_bytes=limit)
    until = time.monotonic() + rng.uniform(5, LONGEST)
    while call.poll() is None:
        late = time.monotonic() > until
        if late and kind == "training" and (jobs := trainings(call)):
            rng.choice(jobs).send_signal(signal.SIGKILL)
            break
        if late and kind == "Snakemake":
            call.send_signal(signal.SIGKILL)
            break
        if late and kind == "cut file":
            os.killpg(call.pid, signal.SIGKILL)
            files = list(results(folder))
            if files:
                victim = rng.choice(files)
                os.truncate(victim, rng.randrange(max(1, victim.stat().st_size)))
            break
        time.sleep(0.05)
    return call.wait() != 0


def run(kills: int, seed: int) -> Counter:
    """Kill as often as asked; return how often by kind. Raises AssertionError on other bytes."""
    rng, done = random.Random(seed), Counter()
    with TemporaryDirectory() as name:
        reference = Path(name) / "undisturbed"
        reference.mkdir()
        assert begin(reference).wait() == 0, (reference / "stderr.txt").read_text()[-2000:]
        wanted = digests(reference)
        number = 0
        while done.total() < kills:
            number += 1
            folder = Path(name) / str(number)
            folder.mkdir()
            ended, words = False, ()
            while not ended and done.total() < kills:
                kind = rng.choice(KINDS)
                if disturb(kind, folder, rng, *words):
                    done[kind] += 1
                    words = REPAIR if kind == "cut file" else words
                    print(f"kill {done.total()}: {kind}", flush=True)
                    begin(folder, "--unlock").wait()  # as the killed one's message says
                else:
                    ended = True
            if not ended:
                errors = folder / "stderr.txt"
                assert begin(folder, *words).wait() == 0, errors.read_text()[-2000:]
            found = digests(folder)
            differing = [path for path in wanted if found.get(path) != wanted[path]]
            assert set(found) == set(wanted), set(found) ^ set(wanted)
            assert not differing, differing
            print(f"folder {number}: the same {len(found)} files", flush=True)
    return done


def main() -> None:
    kills, seed = (int(word) for word in (sys.argv[1:] + ["50", "0"][len(sys.argv) - 1 :])[:2])
    start = time.monotonic()
    done = run(kills, seed)
    minutes = (time.monotonic() - start) / 60
    summary = f"{done.total()} kills, every study ended with the same bytes; {minutes:.0f} minutes."
    table = markdown(["kill", "times"], [[kind, done[kind]] for kind in KINDS])
    print(f"\n{summary}\n\n{table}")


if __name__ == "__main__":
    main()
