"""A finished study, read back from its results: what figures and report are redrawn from.

Its record says which arms, classes and folds it has, whatever the config says by now; the config
gives the name, the note and the look.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.drawings import Drawings
from augtrial.errors import UserError
from augtrial.figures.tables import read_table
from augtrial.files import read_json
from augtrial.settings import Settings, read_settings
from augtrial.study import Study

LISTED = 5


def finished_study(current: Settings, command: str) -> Study:
    """Return the study that `current` names, as its record says that it was run.

    Args:
        current: the config of now; its `figures`, `note` and `study` count.
        command: what makes the results, for the message when some are missing.

    Raises:
        UserError: files that figures and report need are missing.
    """
    root = Path("results") / current.study
    begun = [root / name for name in ("study.json", "rois.csv", "folds.csv")]
    _require(begun, root, command)
    record = read_json(begun[0])
    kept = current.model_dump(mode="json", include={"figures", "note", "study"})
    settings = read_settings({**record["settings"], **kept}, str(begun[0]))
    study = Study(settings, _cohort(root, record["given_folds"]), record["classes"])
    _require([Path(path) for path in Drawings(study).drawn_from()], root, command)
    return study


def _require(paths: list[Path], root: Path, command: str) -> None:
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        more = [f"and {len(missing) - LISTED} more"] if len(missing) > LISTED else []
        title = f"{root} is no finished study: redrawing trains nothing, and these are missing:"
        raise UserError([*missing[:LISTED], *more, f"make them with: {command}"], title)


def _cohort(root: Path, given_folds: bool) -> Cohort:
    """Return the lesions as the results name them; their pictures are not read again."""
    folds = read_table(root / "folds.csv").drop_duplicates("lesion_id").set_index("lesion_id")
    rows = read_table(root / "rois.csv").fillna({"patient_id": ""})
    lesions = [
        Lesion(
            lesion_id=row.lesion_id,
            patient_id=row.patient_id,
            label=row.label,
            image=Path(row.image),
            mask=None,
            mask_value=None,
            box=None,
            slice=None,
            spacing_mm=None,
            fold=int(folds.at[row.lesion_id, "fold"]) if given_folds else None,
            extra={},
            row=number + 2,
        )
        for number, row in enumerate(rows.itertuples())
    ]
    return Cohort(root / "rois.csv", tuple(lesions))


def differences(run: Settings, current: Settings) -> list[str]:
    """Return how a finished study's settings differ from the config of now, a line each."""
    shown = {"figures", "note", "study"}
    pair = [settings.model_dump(mode="json", exclude=shown) for settings in (run, current)]
    return list(_differences(*pair))


def _differences(run: Any, current: Any, key: str = "") -> Iterator[str]:
    if isinstance(run, Mapping) and isinstance(current, Mapping):
        for name in dict.fromkeys([*run, *current]):
            path = f"{key}.{name}".removeprefix(".")
            if name not in current:
                yield f"{path}: only in the finished study"
            elif name not in run:
                yield f"{path}: only in the config"
            else:
                yield from _differences(run[name], current[name], path)
    elif run != current:
        yield f"{key}: {run} in the finished study, {current} in the config"
