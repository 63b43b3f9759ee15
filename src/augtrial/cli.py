"""The command line beside Snakemake: `augtrial check`, `summary` and `settings`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from augtrial import __version__
from augtrial.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; a user's mistake ends it with 1."""
    parser = argparse.ArgumentParser(prog="augtrial", description=__doc__)
    parser.add_argument("--version", action="version", version=f"augtrial {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    check = commands.add_parser("check", help="is a lesion table fit for a study?")
    check.add_argument("table", type=Path, help="the lesion table (docs/lesion-table.md)")
    check.add_argument("--folds", type=int, default=3, help="number of folds (default: 3)")
    check.add_argument(
        "--window",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="values that become 0 and 1, as roi.window; unchecked when not given",
    )
    check.set_defaults(run=_check)

    summary = commands.add_parser("summary", help="print a finished study's tables as Markdown")
    summary.add_argument("results", type=Path, help="its folder, such as results/quick")
    summary.set_defaults(run=_summary)

    settings = commands.add_parser("settings", help="print the reference of all settings")
    settings.set_defaults(run=_settings)

    chosen = parser.parse_args(arguments)
    try:
        return chosen.run(chosen)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


def _check(chosen: argparse.Namespace) -> int:
    from augtrial.cohort.checks import check_cohort
    from augtrial.cohort.table import read_table

    window = tuple(chosen.window) if chosen.window else None
    report = check_cohort(read_table(chosen.table), folds=chosen.folds, window=window)
    print(report.summary)
    for warning in report.warnings:
        print(f"warning: {warning}")
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if report.problems else 0


def _summary(chosen: argparse.Namespace) -> int:
    from augtrial.report.markdown import summary

    print(summary(chosen.results), end="")
    return 0


def _settings(chosen: argparse.Namespace) -> int:
    from augtrial.reference import reference

    print(reference(), end="")
    return 0
