"""The commands besides Snakemake: check, plan, lock, export, compare, claim, summary, settings."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augtrial import __version__
from augtrial.core.errors import UserError
from augtrial.core.names import PRIMARY_ENDPOINTS, hint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; a user's mistake ends it with 1."""
    parser = argparse.ArgumentParser(prog="augtrial", description=__doc__)
    parser.add_argument("--version", action="version", version=f"augtrial {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    check = commands.add_parser("check", help="is a lesion table fit for a study?")
    check.add_argument("table", type=Path, help="the lesion table (docs/lesion-table.md)")
    check.add_argument("--folds", type=int, default=3, help="number of folds (default: 3)")
    text = "grey values that become 0 and 1, as roi.window; not checked if not given"
    check.add_argument("--window", type=float, nargs=2, metavar=("LOW", "HIGH"), help=text)
    check.set_defaults(run=_check)

    _add_plan(commands)

    export = commands.add_parser("export", help="training sets for networks trained elsewhere")
    text = "the study's config file or, if it is finished, its results folder"
    export.add_argument("study", type=Path, help=text)
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    export.set_defaults(run=_export)

    compare = commands.add_parser("compare", help="verdicts from tables of predictions")
    text = (
        "CSV files with lesion_id, patient_id, fold, replicate, arm, label, predicted and "
        "p_<class> for each class (docs/statistics.md); together they are one table"
    )
    compare.add_argument("predictions", type=Path, nargs="+", help=text)
    text = "arm A minus arm B, chosen before you see the results; repeat it for each contrast"
    compare.add_argument("--contrast", action="append", required=True, metavar='"A - B"', help=text)
    text = "the contrast that is tested first, at the full level (default: the first one)"
    compare.add_argument("--primary", default="", metavar='"A - B"', help=text)
    text = "a positive control, such as fresh lesions: tested at the full level too"
    compare.add_argument("--control", action="append", default=[], metavar='"A - B"', help=text)
    text, endpoints = "the primary endpoint (default: %(default)s)", list(PRIMARY_ENDPOINTS)
    compare.add_argument("--endpoint", choices=endpoints, default="macro sensitivity", help=text)
    text = "the smallest relevant difference, as a fraction (default: %(default)s)"
    compare.add_argument("--margin", type=_fraction, default=0.03, help=text)
    text = "confidence level of the intervals (default: %(default)s)"
    compare.add_argument("--confidence", type=_confidence, default=0.95, help=text)
    compare.add_argument("--tables", type=Path, metavar="FOLDER", help="write the tables here")
    compare.set_defaults(run=_compare)

    _add_claim(commands)
    _add_lock(commands)

    summary = commands.add_parser("summary", help="print a finished study's tables as Markdown")
    summary.add_argument("results", type=Path, help="its folder, such as results/quick")
    summary.set_defaults(run=_summary)

    settings = commands.add_parser("settings", help="print the reference of all settings")
    settings.set_defaults(run=_settings)

    chosen = parser.parse_args(arguments)
    try:
        return chosen.run(chosen) or 0
    except (UserError, OSError) as error:  # a place that cannot be read or written names itself
        print(error, file=sys.stderr)
        return 1


def _check(chosen: argparse.Namespace) -> int:
    from augtrial.cohort.check_report import check_cohort
    from augtrial.cohort.table import read_table

    window = tuple(chosen.window) if chosen.window else None
    report = check_cohort(read_table(chosen.table), folds=chosen.folds, window=window)
    print(report.summary)
    for warning in report.warnings:
        print(f"warning: {warning}")
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if report.problems else 0


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser("plan", help="what could this study show? before any training")
    plan.add_argument("config", type=Path, help="the study's config file")
    source = plan.add_mutually_exclusive_group()
    text = "results folder of a finished study, whose variance this one is taken to have"
    source.add_argument("--pilot", type=Path, metavar="RESULTS", help=text)
    text = "standard deviations in points: patients=15,replicates=1,both=29 (docs/plan.md)"
    source.add_argument("--components", default="", help=text)
    text = "cores for the estimate of hours (default: all of this machine)"
    plan.add_argument("--cores", type=_cores, help=text)
    text = "write plan.csv and the figure plan.svg, plan.pdf here"
    plan.add_argument("--out", dest="folder", type=Path, metavar="FOLDER", help=text)
    plan.set_defaults(run=_plan)


def _plan(chosen: argparse.Namespace) -> None:
    from augtrial.jobs.plan import plan_study

    options = {name: getattr(chosen, name) for name in ("pilot", "components", "cores", "folder")}
    print(plan_study(chosen.config, **options))


def _fraction(text: str) -> float:
    return _number_above(0, text)


def _confidence(text: str) -> float:
    return _number_above(0.5, text)


def _number_above(least: float, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = least
    if not least < value < 1:
        how = f"give a number between {least:g} and 1, with a decimal point (got {text!r})"
        raise argparse.ArgumentTypeError(how)
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        how = f"give a share with a decimal point, such as 0.114 (got {text!r})"
        raise argparse.ArgumentTypeError(how) from None


def _cores(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"give a whole number, 1 or more (got {text!r})")
    return int(text)


def _export(chosen: argparse.Namespace) -> None:
    from augtrial.jobs.export import export_study, require_current

    if chosen.study.is_file():
        require_current(chosen.study)
    print(export_study(chosen.study, chosen.out))


def _compare(chosen: argparse.Namespace) -> None:
    from augtrial.core.io import write_table
    from augtrial.reporting.report.verdicts import verdict_lines
    from augtrial.statistics.comparison import classification_tables, compare
    from augtrial.statistics.prediction_checks import require_sound
    from augtrial.statistics.predictions import read_predictions, shared_by_replicates

    predictions = read_predictions(chosen.predictions)
    # A contrast may be named a second time as a control, not otherwise.
    contrasts = chosen.contrast + [name for name in chosen.control if name not in chosen.contrast]
    primary = chosen.primary or contrasts[0]
    problems = []
    if primary not in contrasts:
        problems.append(f"--primary {primary!r} is none of the contrasts{hint(primary, contrasts)}")
    if primary in chosen.control and len(contrasts) > 1:
        how = "leave it out of --control, or name another one with --primary"
        problems.append(f"{primary!r} is the primary contrast and a positive control: {how}")
    try:
        require_sound(predictions, contrasts)
    except UserError as error:
        raise UserError(problems + error.problems, error.title) from None
    if problems:
        raise UserError(problems)
    tables = compare(
        predictions,
        contrasts,
        primary=primary,
        controls=chosen.control,
        endpoint=PRIMARY_ENDPOINTS[chosen.endpoint],
        margin=chosen.margin,
        confidence=chosen.confidence,
    )
    given = shared_by_replicates(predictions)
    tables["verdicts"] = tables["verdicts"].assign(conditional_on=given)
    for line in verdict_lines(tables["verdicts"]):
        print(line)
    if chosen.tables:
        tables |= classification_tables(predictions, confidence=chosen.confidence)
        for name, table in tables.items():
            write_table(chosen.tables / f"{name}.csv", table)


def _add_claim(commands: Any) -> None:
    claim = commands.add_parser("claim", help="how probable is it that a paper's order is false?")
    reported = claim.add_mutually_exclusive_group(required=True)
    text = "how many cases each of two methods had right, as counts or shares (85.7%% or 0.857)"
    reported.add_argument("--right", nargs=2, metavar=("NEW", "OLD"), help=text)
    text = "their confusion matrices: CSV files of counts, rows true, columns predicted"
    reported.add_argument("--confusion", type=Path, nargs=2, metavar=("NEW", "OLD"), help=text)
    claim.add_argument("--cases", help="with --right: the number of cases, the same for both")
    text = "share of the cases that only one method had right, if you know it"
    claim.add_argument("--discordance", type=_number, metavar="SHARE", help=text)
    claim.add_argument("--patients", type=int, help="number of patients the cases come from")
    claim.set_defaults(run=_claim)


def _claim(chosen: argparse.Namespace) -> None:
    from augtrial.statistics.claims import claim_lines, read_confusions, read_counts

    if (chosen.right is None) != (chosen.cases is None):
        raise UserError("give --cases and --right together, or --confusion alone")
    counts = chosen.right and read_counts(chosen.cases, chosen.right)
    claim = counts or read_confusions(chosen.confusion)
    print("\n".join(claim_lines(claim, chosen.discordance, chosen.patients)))


def _add_lock(commands: Any) -> None:
    lock = commands.add_parser("lock", help="register a study before it runs")
    lock.add_argument("config", type=Path, help="the study's config file")
    text = "where the lock is written (default: beside the config, as NAME.lock.json)"
    lock.add_argument("--out", type=Path, metavar="FILE", help=text)
    lock.set_defaults(run=_lock)


def _lock(chosen: argparse.Namespace) -> None:
    from augtrial.pipeline.registration import write_lock

    path, page, lock = write_lock(chosen.config, chosen.out)
    print(f"{path}: lock {lock['hash']} of {lock['date']}\n{page}: the protocol, for people")
    if first := lock["first_predictions"]:
        print(f"warning: written after results existed (predictions of {first})", file=sys.stderr)
    print(f"Before the run, add to {chosen.config}:  lock: {path}")


def _summary(chosen: argparse.Namespace) -> None:
    from augtrial.reporting.report.markdown import summary

    print(summary(chosen.results), end="")


def _settings(chosen: argparse.Namespace) -> None:
    from augtrial.config.reference import reference

    print(reference(), end="")


if __name__ == "__main__":
    sys.exit(main())
