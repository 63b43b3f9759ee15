"""Registration: a lock keeps what decides a study's verdicts, and what deviates from it is named.

An entry of a lock is a value that a person can read, and its hash. The entries have the names of
the config's keys; paths, defaults and the order of keys do not count (docs/registration.md).
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from augtrial import __version__
from augtrial.cohort.lesion import Cohort
from augtrial.config.load import read_settings_file
from augtrial.config.settings import Settings
from augtrial.core import dates
from augtrial.core.errors import UserError
from augtrial.core.io import atomic_write, read_json, write_json
from augtrial.core.names import did_you_mean
from augtrial.core.registry import synthesizers
from augtrial.core.replicate import Replicate
from augtrial.pipeline.code_hash import source_hash
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.finished_study import setting_changes
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.provenance import config_hash
from augtrial.pipeline.study import Study

VERSION = 1  # of the file's layout
# Settings that no verdict depends on, or that entries give in another form.
LEFT_OUT = {"study", "note", "lock", "figures", "embedding", "fidelity", "curves", "subsets"}
LEFT_OUT |= {"device", "primary"}
# The jobs that predictions and verdicts come from.
JOBS = (
    *("phantom", "lesion_tables", "rois", "variants", "transforms", "oracle", "synthesizers"),
    *("fitness", "classifiers", "predictions", "baselines", "comparison"),
)
PLACES = "in the lock", "now"
# As in statistics.verdicts, whose import would slow every start down.
PRIMARY, CONTROL, SECONDARY = "primary", "positive control", "secondary"


# What decides a verdict ------------------------------------------------------------------------


def entries(study: Study) -> dict[str, Any]:
    """Return what decides the verdicts of a study as plain values, by key of the config."""
    settings, params = study.settings, JobParams(study)
    found = settings.model_dump(mode="json", exclude=LEFT_OUT)
    found["cohort"] = _contents(study.cohort)
    if study.is_phantom:
        found["cohort"] |= {"phantom": settings.cohort.phantom.model_dump(mode="json")}
    # Seed and number decide the other replicates' splits.
    rows = sorted(row for row in study.fold_rows() if row[2] == 1)
    found["folds"] = {
        "number": len(study.folds),
        "split": "given" if study.given_folds else "one" if study.one_split else "each",
        "assignment": _fingerprint(rows),
    }
    found["synthesizers"] = {n: params.synthesizer_values(n, 1) for n in params.synthesizers(1)}
    found["oracle"] = _oracle(study)
    budget = settings.classifier.budget.model_dump(exclude_none=True)
    found["classifier"] = {**params.classifier_values(), "budget": budget}
    arms = settings.arms.items()
    found["arms"] = {name: arm.model_dump(exclude_defaults=True) for name, arm in arms}
    found["contrasts"] = _roles(settings)
    found["code"] = f"augtrial {__version__}, {code_fingerprint(study)}"
    return json.loads(json.dumps(found))  # as a file gives it back


def code_modules(study: Study) -> list[str]:
    """Return the modules that, with all that they import, predictions and verdicts come from."""
    names = JobParams(study).synthesizers(1)
    kinds = {f"synthesizers.{study.synthesizer_kind(name).name}" for name in names}
    return sorted({*(f"jobs.{job}" for job in JOBS), *kinds, *study.task_modules})


def code_fingerprint(study: Study) -> str:
    """Return a hash of the code, the user's own module included."""
    return _fingerprint([source_hash(*code_modules(study)), study.user_code])


def _fingerprint(value: Any) -> str:
    return f"hash {config_hash(value)}"


def _contents(cohort: Cohort) -> dict[str, Any]:
    """Return a lesion table's counts, and a hash of all cells that are used, in any order."""
    folder, rows = cohort.table.parent, []
    for lesion in sorted(cohort.lesions, key=lambda lesion: lesion.lesion_id):
        values = lesion.values()
        for key in ("image", "mask"):
            path = getattr(lesion, key)
            if path and path.is_relative_to(folder):  # the same table in another place
                values[key] = path.relative_to(folder).as_posix()
        rows.append(values)
    labels = [lesion.label for lesion in cohort.lesions]
    return {
        "lesions": len(rows),
        "patients": len({lesion.patient_id for lesion in cohort.lesions if lesion.patient_id}),
        "classes": {label: labels.count(label) for label in cohort.classes},
        "rows": _fingerprint(rows),
    }


def _oracle(study: Study) -> dict[str, Any]:
    """Return where the fresh lesions are from; nothing where no arm asks for them."""
    if study.fresh_cohort is not None:
        return _contents(study.fresh_cohort)
    return {"lesions": study.settings.oracle.lesions} if study.oracle_images else {}


def _roles(settings: Settings) -> dict[str, str]:
    """Return the role that each contrast is tested in, the primary contrast first."""
    first = settings.primary_contrast
    roles = {first: PRIMARY} if first else {}
    for contrast in settings.contrasts:
        control = contrast in settings.positive_controls
        roles.setdefault(contrast, CONTROL if control else SECONDARY)
    return roles


# The lock ----------------------------------------------------------------------------------------


def new_lock(study: Study, *, table: str, date: str) -> dict[str, Any]:
    """Return the lock of a study: its entries, and what the protocol page says in words.

    `table` is the name of the lesion table. `first_predictions` is the date of the oldest
    predictions that the results hold already; empty if there are none.
    """
    from augtrial.reporting.report.prose import recipe

    settings, costs = study.settings, Costs(study)
    used = settings.used_synthesizers.items()
    lock = {
        "version": VERSION,
        "study": settings.study,
        "date": date,
        "first_predictions": dates.oldest(Path(study.root).glob("replicate*/predictions_*.csv")),
        "entries": {
            name: {"value": value, "hash": config_hash(value)}
            for name, value in entries(study).items()
        },
        "words": {
            "table": table,
            "conditional_on": study.conditional_on,
            "arms": {name: recipe(arm, settings) for name, arm in settings.arms.items()},
            "images": {
                name: costs.arm_images(arm, Replicate(1)) for name, arm in settings.arms.items()
            },
            "classifier": study.task.describe(settings.classifier),
            "synthesizers": {name: synthesizers[v.kind].describe(v) for name, v in used},
        },
    }
    return {"hash": config_hash(lock), **lock}


def write_lock(config: Path, out: Path | None = None) -> tuple[Path, Path, dict[str, Any]]:
    """Write the lock of a config file and its protocol page; return both paths and the lock.

    Without `out` they are beside the config: mine.yaml gives mine.lock.json and mine.protocol.md.

    Raises:
        UserError: the study cannot be run as it is, or one of the files exists already.
    """
    from augtrial.reporting.report.protocol import protocol

    settings = read_settings_file(config)
    study = Study.from_config(settings.model_dump(mode="json"), str(config))
    if problems := fit_problems(study):
        raise UserError(problems, f"{config}: the study cannot be run as it is:")
    path = out or config.with_suffix(".lock.json")
    page = path.parent / f"{path.name.removesuffix('.json').removesuffix('.lock')}.protocol.md"
    title = "a lock is written once, since its date counts; name another place with --out:"
    if there := [f"{file} exists already" for file in (path, page) if file.exists()]:
        raise UserError(there, title)
    lock = new_lock(study, table=Path(settings.cohort.table).name, date=dates.now())
    with atomic_write(page) as draft:
        draft.write_text(protocol(lock), encoding="utf-8")
    write_json(path, lock)
    return path, page, lock


def read_lock(path: Path) -> dict[str, Any]:
    """Return a lock as it was written.

    Raises:
        UserError: there is none, it is of another version, or it was changed by hand.
    """
    make = "write one with: augtrial lock CONFIG"
    try:
        lock = read_json(path)
    except FileNotFoundError:
        near = did_you_mean(path.name, [file.name for file in path.parent.glob("*.json")])
        raise UserError(f"lock: there is no file {path}{near or f'; {make}'}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"lock: {path} cannot be read as JSON ({error}); {make}") from None
    if not isinstance(lock, dict) or "version" not in lock:
        raise UserError(f"lock: {path} is not a lock; {make}")
    if lock["version"] != VERSION:
        raise UserError(
            f"lock: {path} is of version {lock['version']}, and augtrial {__version__} reads "
            f"version {VERSION}; run the study with the augtrial that wrote the lock"
        )
    written = {key: value for key, value in lock.items() if key != "hash"}
    if lock.get("hash") != config_hash(written):
        held = lock.get("entries")
        edited = [
            name
            for name, item in (held.items() if isinstance(held, dict) else ())
            if not isinstance(item, dict) or item.get("hash") != config_hash(item.get("value", {}))
        ]
        where = f" in {', '.join(edited)}" if edited else ""
        raise UserError(
            f"lock: {path} was changed{where} after it was written: its hash does not fit; take "
            "the file as it was, and change the config where the study deviates"
        )
    return lock


# What deviates -----------------------------------------------------------------------------------


def deviations(lock: Mapping[str, Any], study: Study) -> list[str]:
    """Return how a study deviates from a lock, a line each: the key, its value then and now."""
    before = {name: item["value"] for name, item in lock["entries"].items()}
    now, changed = entries(study), "code changed"
    code = {changed: before.pop("code")}, {changed: now.pop("code")}
    return [*setting_changes(before, now, PLACES), *setting_changes(*code, PLACES)]


def registration(study: Study) -> dict[str, Any]:
    """Return what the record says of the study's lock and of deviations; empty without a lock.

    Raises:
        UserError: the lock cannot be read.
    """
    if not study.settings.lock:
        return {}
    lock = read_lock(Path(study.settings.lock))
    kept = {key: lock[key] for key in ("hash", "date", "first_predictions")}
    return {"lock": study.settings.lock, **kept, "deviations": deviations(lock, study)}


def lock_problems(study: Study) -> Iterable[str]:
    """Yield why the lock that a study names cannot be used; nothing without a lock."""
    try:
        if study.settings.lock:
            read_lock(Path(study.settings.lock))
    except UserError as error:
        yield from error.problems
