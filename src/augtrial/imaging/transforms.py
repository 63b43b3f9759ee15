"""User-defined transforms by name; no other module uses albumentations."""

import inspect
import os
import sys
from typing import Any

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no request for updates at import
# albumentations imports torch if it can: two seconds per job, for tensors that are not used here.
_had_torch = "torch" in sys.modules
if not _had_torch:
    sys.modules["torch"] = None  # type: ignore[assignment]

import albumentations as A
import cv2

from augtrial.core.errors import UserError
from augtrial.core.names import hint

if not _had_torch:
    del sys.modules["torch"]
cv2.setNumThreads(1)


def build_transforms(transforms: list[Any]) -> A.Compose:
    """Return a pipeline of the albumentations transforms that an arm names.

    `transforms` are names, or {name: arguments}. Raises UserError with every name that
    albumentations does not have (and the nearest that it has) and every argument that is refused.
    """
    problems, built = [], []
    for entry in transforms:
        for name, arguments in ({entry: None} if isinstance(entry, str) else entry).items():
            try:
                built.append(_build_transform(name, arguments or {}))
            except UserError as error:
                problems += error.problems
    if problems:
        raise UserError(problems)
    return A.Compose(built)


def _build_transform(name: str, arguments: dict[str, Any]) -> A.BasicTransform:
    kind = getattr(A, name, None)
    if not (isinstance(kind, type) and issubclass(kind, A.BasicTransform)):
        known = [n for n in dir(A) if isinstance(getattr(A, n), type)]
        raise UserError(f"unknown albumentations transform '{name}'{hint(name, known)}")
    allowed = list(inspect.signature(kind).parameters)
    if wrong := [argument for argument in arguments if argument not in allowed]:
        raise UserError(f"transform {name}: unknown argument '{wrong[0]}'{hint(wrong[0], allowed)}")
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"transform {name}: {' '.join(str(error).split())}") from None


def apply_transforms(pipeline: A.Compose, images: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 images [n, s, s], transformed one after the other; one seed for all of them."""
    pipeline.set_random_seed(seed % 2**32)
    return np.stack([pipeline(image=image[..., None])["image"][..., 0] for image in images])
