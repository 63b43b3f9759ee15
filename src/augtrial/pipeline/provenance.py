"""What is known of a study before anything runs, for its record."""

import hashlib
import json
from collections import Counter
from typing import Any

from augtrial.pipeline.study import Study


def config_hash(settings: dict[str, Any]) -> str:
    """Return a short hash of all settings; equal settings have an equal hash."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def study_facts(study: Study) -> dict[str, Any]:
    """Return what is known before anything runs: settings, lesions, folds."""
    settings = study.settings.model_dump(mode="json", exclude={"figures", "note"})
    labels = Counter(lesion.label for lesion in study.lesions)
    patients = {lesion.patient_id for lesion in study.lesions if lesion.patient_id}
    return {
        "study": study.settings.study,
        "settings": settings,
        "config_hash": config_hash({k: v for k, v in settings.items() if k != "lock"}),
        "classes": {label: labels[label] for label in study.classes},
        "lesions": len(study.lesions),
        "patients": len(patients) or None,
        "folds": study.folds,
        "given_folds": study.given_folds,
        "replicates": study.replicates,
        "conditional_on": study.conditional_on,
    }
