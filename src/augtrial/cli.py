"""The command line beside Snakemake: `augtrial check`, `compare`, `summary` and `settings`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from augtrial import __version__
from augtrial.errors import UserError
from augtrial.settings import PRIMARY_ENDPOINTS


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

    compare = commands.add_parser("compare", help="verdicts from a table of predictions")
    compare.add_argument("predictions", type=Path, help="predictions.csv (docs/statistics.md)")
    compare.add_argument(
        "--contrast",
        action="append",
        required=True,
        metavar='"A - B"',
        help="arm A minus arm B, named before you look; once for each contrast",
    )
    compare.add_argument(
        "--endpoint",
        choices=list(PRIMARY_ENDPOINTS),
        default="macro sensitivity",
        help="the primary endpoint (default: %(default)s)",
    )
    compare.add_argument(
        "--margin",
        type=_fraction,
        default=0.03,
        help="the smallest difference that matters, a fraction (default: %(default)s)",
    )
    compare.add_argument(
        "--confidence", type=_fraction, default=0.95, help="of intervals (default: %(default)s)"
    )
    compare.add_argument("--tables", type=Path, metavar="FOLDER", help="write the tables here")
    compare.set_defaults(run=_compare)

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


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"give a fraction between 0 and 1 (got {text})")
    return value


def _compare(chosen: argparse.Namespace) -> int:
    from augtrial.comparison import compare
    from augtrial.predictions import read_predictions
    from augtrial.report.verdicts import verdict_lines

    tables = compare(
        read_predictions(chosen.predictions),
        chosen.contrast,
        endpoint=chosen.endpoint,
        margin=chosen.margin,
        confidence=chosen.confidence,
    )
    for line in verdict_lines(tables["verdicts"]):
        print(line)
    if chosen.tables:
        chosen.tables.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(chosen.tables / f"{name}.csv", index=False)
    return 0


def _summary(chosen: argparse.Namespace) -> int:
    from augtrial.report.markdown import summary

    print(summary(chosen.results), end="")
    return 0


def _settings(chosen: argparse.Namespace) -> int:
    from augtrial.reference import reference

    print(reference(), end="")
    return 0
