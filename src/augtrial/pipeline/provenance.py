"""The record of a study: where its numbers came from."""

import hashlib
import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augtrial import __version__
from augtrial.core.io import read_json

if TYPE_CHECKING:
    from augtrial.pipeline.study import Study

PACKAGES = ("torch", "torchvision", "numpy", "numba", "scikit-learn", "albumentations", "SimpleITK")


def config_hash(settings: dict[str, Any]) -> str:
    """Return a short hash of all settings; equal settings have an equal hash."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def study_facts(study: "Study") -> dict[str, Any]:
    """Return what is known before anything runs: settings, lesions, folds."""
    settings = study.settings.model_dump(mode="json", exclude={"figures", "note"})
    labels = Counter(lesion.label for lesion in study.lesions)
    patients = {lesion.patient_id for lesion in study.lesions if lesion.patient_id}
    return {
        "study": study.settings.study,
        "settings": settings,
        "config_hash": config_hash(settings),
        "classes": {label: labels[label] for label in study.classes},
        "lesions": len(study.lesions),
        "patients": len(patients) or None,
        "folds": study.folds,
        "given_folds": study.given_folds,
        "replicates": study.replicates,
        "conditional_on": study.conditional_on,
    }


def versions() -> dict[str, str]:
    """Return the versions of what made the numbers."""
    found = {"augtrial": __version__, "Python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in PACKAGES}


def devices(records: Iterable[str | Path]) -> dict[str, int]:
    """Return how many trainings ran on which device, from the trainings' own records."""
    return dict(Counter(read_json(path)["device"] for path in records))
