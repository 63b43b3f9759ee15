"""The one module that touches albumentations: transforms named by users."""

import inspect
import os
import sys
from typing import Any

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no look for updates at import
# albumentations imports torch where it can, two seconds a job, for tensors not asked for here.
_had_torch = "torch" in sys.modules
if not _had_torch:
    sys.modules["torch"] = None  # type: ignore[assignment]

import albumentations as A
import cv2

from augtrial.errors import UserError
from augtrial.spelling import hint

if not _had_torch:
    del sys.modules["torch"]
cv2.setNumThreads(1)


def further(transforms: list[Any]) -> A.Compose:
    """Return a pipeline of albumentations transforms named in an arm.

    Args:
        transforms: names, or {name: arguments}.

    Raises:
        UserError: for every name that albumentations lacks (with the nearest that it has) and
            every argument that the transform refuses.
    """
    problems, built = [], []
    for entry in transforms:
        pairs = {entry: None} if isinstance(entry, str) else entry
        for name, arguments in pairs.items():
            try:
                built.append(_transform(name, arguments or {}))
            except UserError as error:
                problems += error.problems
    if problems:
        raise UserError(problems)
    return A.Compose(built)


def _transform(name: str, arguments: dict[str, Any]) -> A.BasicTransform:
    kind = getattr(A, name, None)
    if not (isinstance(kind, type) and issubclass(kind, A.BasicTransform)):
        known = [n for n in dir(A) if isinstance(getattr(A, n), type)]
        raise UserError(f"unknown albumentations transform '{name}'{hint(name, known)}")
    allowed = list(inspect.signature(kind.__init__).parameters)[1:]
    if wrong := [argument for argument in arguments if argument not in allowed]:
        raise UserError(f"transform {name}: unknown argument '{wrong[0]}'{hint(wrong[0], allowed)}")
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"transform {name}: {' '.join(str(error).split())}") from None


def apply_further(pipeline: A.Compose, images: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 images [n, s, s], each put through the pipeline in turn from one seed."""
    pipeline.set_random_seed(seed % 2**32)
    return np.stack([pipeline(image=image[..., None])["image"][..., 0] for image in images])
