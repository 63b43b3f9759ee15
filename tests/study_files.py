"""The files of a study's images, made up: what `augtrial export` reads."""

from pathlib import Path

import numpy as np
import pandas as pd

from augtrial.core import seeds
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.study import Study

SIDE = 16


def config(**changes):
    """Return a small study of two folds; its lesions are the phantom's, of three classes."""
    widths = {"generator_channels": [8, 8], "discriminator_channels": [8, 8]}
    small = {
        "study": "made-up",
        "replicates": 1,
        "cohort": {"table": "phantom", "phantom": {"classes": {"cyst": 9, "hemangioma": 9}}},
        "folds": {"number": 2},
        "roi": {"size": SIDE},
        "classic": {"n_rotations": 2, "n_flips": 1, "n_translations": 1, "n_scales": 1},
        "synthesizers": {"dcgan": {"kind": "dcgan", **widths, "samples": 20, "classic": 16}},
        "classifier": {"channels": [4]},
        "arms": {
            "classic": {"classic": 16},
            "classic+dcgan": {"classic": 16, "synthetic": {"dcgan": 5}},
        },
        "contrasts": ["classic+dcgan - classic"],
    }
    return {**small, **changes}


def write_images(study: Study) -> None:
    """Write ROIs, variants and samples where a study in the working directory has them.

    Every image is another one. Hemangiomas are bright, cysts dark.
    """
    paths = Paths(study)
    for replicate in study.replicates:
        for part in study.folds:
            lesions = study.part(replicate, part)
            labels = [lesion.label for lesion in lesions]
            ids = [lesion.lesion_id for lesion in lesions]
            rois = Path(paths.rois(replicate, part))
            rois.parent.mkdir(parents=True, exist_ok=True)
            np.savez(rois, images=_images(labels, rois), lesion_id=ids, label=labels)
            patients = [lesion.patient_id for lesion in lesions]
            rows = {"lesion_id": ids, "patient_id": patients, "label": labels}
            pd.DataFrame(rows).to_csv(paths.rois(replicate, part, "rois.csv"), index=False)
            number = study.settings.classic.number
            variants = _images(np.repeat(labels, number), "variants", rois)
            np.save(paths.variants(replicate, part), variants.reshape(-1, number, SIDE, SIDE))
        for fold in study.folds:
            for path in paths.training_samples(replicate, fold):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                drawn = {f"images/{label}": _images([label] * 20, path) for label in study.classes}
                np.savez(path, **drawn)


def _images(labels, *name) -> np.ndarray:
    draw = seeds.generator(0, *name, len(labels))
    bright = np.array([100 if label == "hemangioma" else 0 for label in labels])
    noise = draw.integers(0, 150, (len(labels), SIDE, SIDE))
    return (noise + bright[:, None, None]).astype(np.uint8)
