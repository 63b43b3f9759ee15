"""Simulates studies of every cell: docs/results/simulation.md has the models and what came out.

python -m benchmarks.simulation components PREDICTIONS.csv ...   components.csv
python -m benchmarks.simulation studies [--studies 2000] [--cells WORD ...]   studies.csv
python -m benchmarks.simulation power [--studies 2000]   power.csv: planned and simulated power
python -m benchmarks.simulation published   what `augtrial plan` knows of the published trials
python -m benchmarks.simulation page   the tables of docs/results/simulation.md

A cell that is in studies.csv with as many studies is not simulated again.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

import pandas as pd

from augtrial.statistics.components import TABLE
from benchmarks.simulation.cells import cells
from benchmarks.simulation.components import FOLDER, components
from benchmarks.simulation.power import power_table
from benchmarks.simulation.published import published_contrasts
from benchmarks.simulation.studies import simulate_cell

CHUNK = 50  # studies that a process does at a time


def run(studies: int, jobs: int, words: list[str], out: Path) -> None:
    """Simulate the cells whose names hold one of the words, each kept when it is done."""
    done = pd.read_csv(out) if out.exists() else pd.DataFrame(columns=["cell", "studies"])
    kept = set(done.loc[done["studies"] >= studies, "cell"])
    with multiprocessing.Pool(jobs) as pool:
        for cell in cells():
            if cell.name in kept or (words and not any(word in cell.name for word in words)):
                continue
            begin = time.perf_counter()
            rows = simulate_cell(cell, studies, CHUNK, pool)
            rows["seconds"] = round((time.perf_counter() - begin) * jobs / studies, 4)
            done = pd.concat([done[done["cell"] != cell.name], rows], ignore_index=True)
            done.to_csv(out, index=False)
            print(rows.to_string(), file=sys.stderr, flush=True)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("page")
    commands.add_parser("components").add_argument("predictions", type=Path, nargs="+")
    studies = commands.add_parser("studies")
    studies.add_argument("--studies", type=int, default=2000)
    studies.add_argument("--jobs", type=int, default=2)
    studies.add_argument("--cells", nargs="+", default=[], metavar="WORD")
    studies.add_argument("--out", type=Path, default=FOLDER / "studies.csv")
    power = commands.add_parser("power")
    power.add_argument("--studies", type=int, default=2000)
    power.add_argument("--jobs", type=int, default=2)
    commands.add_parser("published")
    chosen = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if chosen.command == "components":
        components(chosen.predictions).to_csv(FOLDER / "components.csv", index=False)
    elif chosen.command == "studies":
        run(chosen.studies, chosen.jobs, chosen.cells, chosen.out)
    elif chosen.command == "power":
        with multiprocessing.Pool(chosen.jobs) as pool:
            power_table(chosen.studies, pool).to_csv(FOLDER / "power.csv", index=False)
    elif chosen.command == "published":
        published_contrasts().to_csv(TABLE, index=False)
    else:
        from benchmarks.simulation.page import page

        print(page(pd.read_csv(FOLDER / "studies.csv")))


if __name__ == "__main__":
    main()
