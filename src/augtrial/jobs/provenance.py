"""The job of the record: where the numbers of a study came from."""

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from augtrial import __version__
from augtrial.core import dates
from augtrial.core.io import read_json, write_json

PACKAGES = ("torch", "torchvision", "numpy", "numba", "scikit-learn", "albumentations", "SimpleITK")


def record_study(
    facts: Mapping[str, Any],
    trainings: Iterable[str | Path],
    *,
    record: str | Path,
    predictions: Iterable[str | Path] = (),
    registration: Mapping[str, Any] | None = None,
) -> None:
    """Write a study's facts, the versions of the software, and how many trainings a device ran.

    A registration (`pipeline.registration`) is kept with the date of the first predictions.
    """
    versions = {"augtrial": __version__, "Python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in PACKAGES}
    devices = Counter(read_json(path)["device"] for path in trainings)
    registered = dict(registration or {})
    if registered:
        first = filter(None, (registered["first_predictions"], dates.oldest(predictions)))
        registered["first_predictions"] = min(first, default="")
    facts = {**facts, "registration": registered}
    write_json(record, {**facts, "versions": versions, "devices": devices})
