"""What the Snakefile asks beyond the study itself: checks, errors in its manner, and the plan."""

import dataclasses
import hashlib
import logging
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from augtrial.cohort.lesion import Cohort
from augtrial.errors import UserError
from augtrial.files import written_whole
from augtrial.fit import fit_problems
from augtrial.machine import Machine
from augtrial.plan import expected_seconds, plan_text
from augtrial.progress import Progress
from augtrial.settings import read_settings
from augtrial.sizes import damaged_files
from augtrial.study import Study

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

CHECK, ORACLE_CHECK = "cohort_check.txt", "oracle_check.txt"
CHANGES = 10  # listed at most


def open_study(workflow: "Workflow", config: dict[str, Any]) -> Study:
    """Return the study of Snakemake's config, once everything that it asks for can be had.

    A user's mistake is told without a traceback, all mistakes at once, before any job.
    """
    source = ", ".join(Path(file).name for file in workflow.configfiles) or "the config"
    try:
        if redraws(workflow):
            return _finished_study(workflow, config, source)
        study = Study.from_config(config, source)
        problems = fit_problems(study)
        # Jobs on other machines start here too; one look is enough.
        if workflow.is_main_process:
            _remove_damaged(study, dry=workflow.output_settings.dryrun)
            problems += [*_transform_problems(study), *_weights_problems(study)]
            problems += check_pictures(study)
        if problems:
            raise UserError(problems, f"{study.settings.study} cannot be run as it is:")
    except UserError as error:
        # A WorkflowError would add lines of the code that raised it.
        print(error, file=sys.stderr)
        sys.exit(1)
    return study


def _remove_damaged(study: Study, *, dry: bool) -> None:
    """Remove results that were cut short after their job had ended, so that it runs again.

    What was made from it goes as well, the last first, so that a kill here leaves work to do. A dry
    run only tells.
    """
    for damage in damaged_files(Path(study.root) / "logs"):
        sizes = f"{damage.now} bytes, its job wrote {damage.then}"
        again = "that job runs again, and what stands on it"
        told = f"a run removes it, and then {again}" if dry else again
        print(f"{damage.path} has {sizes}: {told}", file=sys.stderr)
        for path in () if dry else damage.gone:
            path.unlink(missing_ok=True)


def redraws(workflow: "Workflow") -> bool:
    """Return whether only figures and report are asked for.

    Snakemake reads the Snakefile before it tells the workflow its targets, so that the command
    line itself is looked at.
    """
    words = sys.argv[1:]
    return workflow.is_main_process and "figures" in words and "all" not in words


def _finished_study(workflow: "Workflow", config: dict[str, Any], source: str) -> Study:
    """Return the study as it was run; say where the config differs by now."""
    from augtrial.finished import differences, finished_study

    current = read_settings(config, source)
    study = finished_study(current, _command(workflow))
    if changes := differences(study.settings, current):
        root, rest = study.root, len(changes) - CHANGES
        lines = [f"{root} is redrawn as it was run; {source} says otherwise by now:"]
        lines += [f"  - {change}" for change in changes[:CHANGES]]
        lines += [f"  - and {rest} more"] if rest > 0 else []
        print("\n".join(lines), file=sys.stderr)
    return study


def _command(workflow: "Workflow") -> str:
    """Return the command that runs the study of this command line."""
    words = ["snakemake", "--cores", "2"]
    if files := workflow.overwrite_configfiles:
        words += ["--configfile", *(os.path.relpath(file) for file in files)]
    if values := workflow.config_settings.config:
        flow = {"default_flow_style": True, "width": 10**6}
        dumped = {k: yaml.safe_dump(v, **flow).removesuffix("...\n") for k, v in values.items()}
        words += ["--config", *(f"{key}={value.strip()}" for key, value in dumped.items())]
    return shlex.join(words)


def tell_plan(workflow: "Workflow", study: Study) -> None:
    """Print the study in words, before Snakemake's own list of jobs; and later, how far it is."""
    if workflow.is_main_process:
        told = workflow.resource_settings
        machine = Machine.here(
            device=study.settings.device,
            # On a cluster, the jobs at once; its GPUs cannot be seen from here.
            cores=told.nodes or told.cores,
            gpus=workflow.global_resources.get("gpu"),
        )
        print(plan_text(study, machine), file=sys.stderr)
        parallel = min(machine.cores, machine.gpu_jobs or machine.cores)
        logging.getLogger("snakemake.logging").addHandler(
            Progress(expected_seconds(study, machine), parallel)
        )


def tell_verdicts(study: Study) -> None:
    """Print the verdicts of a finished study, and where its report is."""
    from augtrial.figures.tables import read_table
    from augtrial.report.verdicts import blindness, verdict_lines

    path = Path(study.root) / "tables/verdicts.csv"
    if path.exists():
        verdicts = read_table(path)
        first = blindness(verdicts, study.settings.positive_controls)
        lines = [*([first] if first else []), *map(str, verdict_lines(verdicts))]
        print("\n".join(["", *lines, f"The report: {study.root}/report.html"]), file=sys.stderr)


def _transform_problems(study: Study) -> Iterable[str]:
    for name, arm in study.settings.arms.items():
        if arm.transforms:
            from augtrial.transforms import further

            try:
                further(arm.transforms)
            except UserError as error:
                yield from (f"arms.{name}.transforms: {problem}" for problem in error.problems)


def _weights_problems(study: Study) -> Iterable[str]:
    own = study.settings.fidelity
    if own.weights and study.settings.appraised_synthesizers:
        from augtrial.features import TorchvisionFeatures

        try:
            TorchvisionFeatures(own.weights, own.architecture).check(study.settings.roi.size)
        except UserError as error:
            yield from error.problems


def check_pictures(study: Study) -> Iterable[str]:
    """Read every picture once; what was found fit is not read again until it changes."""
    if study.is_phantom:
        return
    yield from _unread(study, study.cohort, CHECK, folds=study.settings.folds.number)
    # Fresh lesions only ever stand in training sets: their folds need nothing.
    fresh = [lesion for part in study.folds for lesion in study.oracle_lesions(part)]
    if fresh:
        lesions = tuple(dataclasses.replace(lesion, fold=None) for lesion in fresh)
        second = Cohort(Path(study.settings.oracle.table), lesions)
        for problem in _unread(study, second, ORACLE_CHECK, folds=1):
            yield f"oracle.table: {problem}"


def _unread(study: Study, cohort: Cohort, name: str, *, folds: int) -> Iterable[str]:
    window = study.settings.roi.window
    stamp = f"checked {_fingerprint(cohort, (window, study.settings.folds))}"
    path = Path(study.root) / name
    if path.exists() and path.read_text(encoding="utf-8").rstrip().endswith(stamp):
        return
    from augtrial.cohort.checks import check_cohort

    report = check_cohort(cohort, folds=folds, window=window)
    if report.problems:
        yield from report.problems
        return
    lines = [report.summary, *(f"warning: {warning}" for warning in report.warnings)]
    print("\n".join([str(cohort.table), *lines, ""]), file=sys.stderr)
    with written_whole(path) as draft:
        draft.write_text("\n".join([*lines, stamp, ""]), encoding="utf-8")


def _fingerprint(cohort: Cohort, settings: tuple[Any, ...]) -> str:
    """Return a hash that changes with the table, its pictures and these settings."""
    digest = hashlib.sha256(repr(settings).encode())
    pictures = {path for lesion in cohort.lesions for path in (lesion.image, lesion.mask) if path}
    for path in [cohort.table, *sorted(pictures)]:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            state = file.stat()
            digest.update(f"{file} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
