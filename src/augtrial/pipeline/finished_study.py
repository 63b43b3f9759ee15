"""A finished study, read back from its results: what figures and report are redrawn from."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.config.load import read_settings
from augtrial.config.settings import Settings
from augtrial.core.errors import UserError
from augtrial.core.io import read_json, read_table
from augtrial.core.names import first_lines
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.study import Study

LISTED = 5  # missing files that are named
RECORDED = ("study.json", "rois.csv", "folds.csv")  # what a study is read back from


def finished_study(current: Settings, command: str) -> Study:
    """Return the study that `current` names, as its record says that it was run.

    Of the config of now, `figures`, `note` and `study` count. The message about missing results
    names the `command` that makes them.

    Raises:
        UserError: files that figures and report need are missing.
    """
    root = Path("results") / current.study
    title = f"{root} is no finished study: redrawing trains nothing, and these are missing:"
    require([root / name for name in RECORDED], command, title)
    kept = current.model_dump(mode="json", include={"figures", "note", "study"})
    study = recorded_study(root, **kept)
    require(FigureSpecs(study).drawn_from(), command, title)
    return study


def recorded_study(root: Path, **changes: Any) -> Study:
    """Return the study whose record is in a folder of results, with some settings of now."""
    record = read_json(root / "study.json")
    settings = read_settings({**record["settings"], **changes}, str(root / "study.json"))
    return Study(settings, _cohort(root, record["given_folds"]), record["classes"])


def require(paths: Iterable[str | Path], command: str, title: str) -> None:
    """Raise `UserError` with the files that are missing, and the command that makes them."""
    if missing := [str(path) for path in paths if not Path(path).exists()]:
        raise UserError([*first_lines(missing, LISTED), f"make them with: {command}"], title)


def _cohort(root: Path, given_folds: bool) -> Cohort:
    """Return the lesions as the results name them; their pictures are not read again."""
    folds = read_table(root / "folds.csv").drop_duplicates("lesion_id").set_index("lesion_id")
    rows = read_table(root / "rois.csv").fillna({"patient_id": ""})
    lesions = []
    for number, row in enumerate(rows.itertuples(), start=2):
        fold = int(folds.at[row.lesion_id, "fold"]) if given_folds else None
        names = (row.lesion_id, row.patient_id, row.label, Path(row.image))
        lesions.append(Lesion(*names, fold=fold, row=number))
    return Cohort(root / "rois.csv", tuple(lesions))


def differences(run: Settings, current: Settings) -> list[str]:
    """Return how a finished study's settings differ from the config of now, a line each."""
    shown = {"figures", "note", "study"}
    before, now = (values.model_dump(mode="json", exclude=shown) for values in (run, current))
    return list(setting_changes(before, now, ("in the finished study", "in the config")))


def setting_changes(
    before: Any, after: Any, places: tuple[str, str], key: str = ""
) -> Iterator[str]:
    """Yield how two values that hold others differ: the key, and the value in either place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            path = f"{key}.{name}".removeprefix(".")
            if name in before and name in after:
                yield from setting_changes(before[name], after[name], places, path)
            else:
                yield f"{path}: only {places[name in after]}"
    elif before != after:
        yield f"{key}: {_shown(before)} {places[0]}, {_shown(after)} {places[1]}"


def _shown(value: Any) -> str:
    return "empty" if value in ("", None, [], {}) else str(value)
