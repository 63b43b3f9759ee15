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
from augtrial.config.load import read_settings
from augtrial.core.errors import UserError
from augtrial.core.io import atomic_write
from augtrial.core.names import first_lines
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.output_sizes import check_sizes
from augtrial.pipeline.plan import expected_seconds, plan_text
from augtrial.pipeline.progress import Progress
from augtrial.pipeline.registration import lock_problems, registration
from augtrial.pipeline.study import Study

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

CHECK, ORACLE_CHECK = "cohort_check.txt", "oracle_check.txt"
CHANGES = 10  # listed at most
REPAIR = "repair"  # a key of the command line alone


def open_study(workflow: "Workflow", config: dict[str, Any]) -> Study:
    """Return the study of Snakemake's config, once everything that it asks for can be had.

    A user's mistake is told without a traceback, all mistakes at once, before any job.
    """
    source = ", ".join(Path(file).name for file in workflow.configfiles) or "the config"
    try:
        repair, config = _take_repair(workflow, config)
        if redraws(workflow):
            return _finished_study(workflow, config, source)
        study = Study.from_config(config, source)
        problems = fit_problems(study)
        # Jobs on other machines start here too; checking once is enough.
        if workflow.is_main_process:
            problems += [*lock_problems(study), *_transform_problems(study)]
            problems += _weights_problems(study)
            classes, size = len(study.classes), study.settings.roi.size
            problems += study.task.check(study.settings.classifier, classes=classes, size=size)
            problems += check_pictures(study)
        if problems:
            raise UserError(problems, f"{study.settings.study} cannot be run as it is:")
        if workflow.is_main_process:
            # A call that takes a lock back runs no job and must not fail.
            dry_run = workflow.output_settings.dryrun or "--unlock" in sys.argv
            check_sizes(study.root, repair=repair, dry_run=dry_run)
    except UserError as error:
        # A WorkflowError would add lines of the code that raised it.
        print(error, file=sys.stderr)
        sys.exit(1)
    return study


def _take_repair(workflow: "Workflow", config: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Return whether `--config repair=true` was given, and the config without it.

    It is no setting: it belongs to one call, and no file, parameter or record holds it.
    """
    if REPAIR not in workflow.config_settings.config:
        return False, config
    value = workflow.config_settings.config[REPAIR]
    if str(value).lower() not in ("true", "false"):
        raise UserError(f"--config {REPAIR}={value}: it is true, or left out")
    settings = {key: setting for key, setting in config.items() if key != REPAIR}
    return str(value).lower() == "true", settings


def shared_cores(workflow: "Workflow") -> int | None:
    """Return the cores that jobs share (on a cluster, the jobs at once); None in a job's process.

    A job on another machine has what it was given there.
    """
    if not workflow.is_main_process:
        return None
    return workflow.resource_settings.nodes or workflow.resource_settings.cores or 1


def redraws(workflow: "Workflow") -> bool:
    """Return whether only figures and report are asked for.

    Snakemake reads the Snakefile before it tells the workflow its targets, so that the command
    line itself is looked at.
    """
    arguments = sys.argv[1:]
    return workflow.is_main_process and "figures" in arguments and "all" not in arguments


def _finished_study(workflow: "Workflow", config: dict[str, Any], source: str) -> Study:
    """Return the study as it was run; say where the config differs by now."""
    from augtrial.pipeline.finished_study import differences, finished_study

    current = read_settings(config, source)
    study = finished_study(current, _command(workflow))
    if changes := differences(study.settings, current):
        title = f"{study.root} is redrawn as it was run; {source} says otherwise by now:"
        print(UserError(first_lines(changes, CHANGES), title), file=sys.stderr)
    return study


def _command(workflow: "Workflow") -> str:
    """Return the command that runs the study of this command line."""
    words = ["snakemake", "--cores", "2"]
    if files := workflow.overwrite_configfiles:
        words += ["--configfile", *(os.path.relpath(file) for file in files)]
    values = {k: v for k, v in workflow.config_settings.config.items() if k != REPAIR}
    if values:
        flow = {"default_flow_style": True, "width": 10**6}
        dumped = {k: yaml.safe_dump(v, **flow).removesuffix("...\n") for k, v in values.items()}
        words += ["--config", *(f"{key}={value.strip()}" for key, value in dumped.items())]
    return shlex.join(words)


def tell_plan(workflow: "Workflow", study: Study) -> None:
    """Print the study in words, before Snakemake's own list of jobs; and later, how far it is."""
    if workflow.is_main_process:
        cores, gpus = shared_cores(workflow), workflow.global_resources.get("gpu")
        machine = Machine.here(device=study.settings.device, cores=cores, gpus=gpus)
        print(plan_text(study, machine), *_lock_lines(study), sep="\n", file=sys.stderr)
        parallel = min(machine.cores, machine.gpu_jobs or machine.cores)
        progress = Progress(expected_seconds(study, machine), parallel)
        logging.getLogger("snakemake.logging").addHandler(progress)


def _lock_lines(study: Study) -> Iterable[str]:
    """Yield whether the study keeps its lock, before it spends hours; nothing without a lock."""
    if found := registration(study):
        changes, title = found["deviations"], f"The lock {found['lock']} of {found['date']}"
        if changes:
            title += " is not kept; the report will list:"
            yield str(UserError(first_lines(changes, CHANGES), title))
        else:
            yield f"{title} is kept."


def tell_verdicts(study: Study) -> None:
    """Print the verdicts of a finished study, and where its report is."""
    from augtrial.core.io import read_table
    from augtrial.reporting.report.verdicts import assay_sensitivity, verdict_lines

    path = Path(study.root) / "tables/verdicts.csv"
    if path.exists():
        verdicts = read_table(path)
        first = assay_sensitivity(verdicts)
        lines = [*([first] if first else []), *map(str, verdict_lines(verdicts))]
        print("\n".join(["", *lines, f"The report: {study.root}/report.html"]), file=sys.stderr)


def _transform_problems(study: Study) -> Iterable[str]:
    for name, arm in study.settings.arms.items():
        if arm.transforms:
            from augtrial.imaging.transforms import build_transforms

            try:
                build_transforms(arm.transforms)
            except UserError as error:
                yield from (f"arms.{name}.transforms: {problem}" for problem in error.problems)


def _weights_problems(study: Study) -> Iterable[str]:
    fidelity = study.settings.fidelity
    if fidelity.weights and study.settings.appraised_synthesizers:
        from augtrial.fidelity.features import TorchvisionFeatures

        try:
            features = TorchvisionFeatures(fidelity.weights, fidelity.architecture)
            features.check(study.settings.roi.size)
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
        yield from (f"oracle.table: {p}" for p in _unread(study, second, ORACLE_CHECK, folds=1))


def _unread(study: Study, cohort: Cohort, name: str, *, folds: int) -> Iterable[str]:
    window = study.settings.roi.window
    stamp = f"checked {_fingerprint(cohort, (window, study.settings.folds))}"
    path = Path(study.root) / name
    if path.exists() and path.read_text(encoding="utf-8").rstrip().endswith(stamp):
        return
    from augtrial.cohort.check_report import check_cohort

    report = check_cohort(cohort, folds=folds, window=window)
    if report.problems:
        yield from report.problems
        return
    lines = [report.summary, *(f"warning: {warning}" for warning in report.warnings)]
    print("\n".join([str(cohort.table), *lines, ""]), file=sys.stderr)
    with atomic_write(path) as draft:
        draft.write_text("\n".join([*lines, stamp, ""]), encoding="utf-8")


def _fingerprint(cohort: Cohort, settings: tuple[Any, ...]) -> str:
    """Return a hash that changes with the table, its pictures and these settings."""
    digest = hashlib.sha256(repr(settings).encode())
    pictures = {path for lesion in cohort.lesions for path in (lesion.image, lesion.mask) if path}
    for path in [cohort.table, *sorted(pictures)]:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            state = file.stat()
            digest.update(f"{file} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
