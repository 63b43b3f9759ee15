"""Classic augmentation: the paper's 480 variants of 182 lesions, from full slices, on one core.

`python -m benchmarks variants`: two to three minutes, most of it drawing the lesions. A plain
OpenCV loop and an ordinary albumentations pipeline of the same kind of maps stand beside it, and
TorchIO where it is installed (`pip install torchio`), each on the first lesions.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec

import albumentations as A
import cv2
import numpy as np

from augtrial.cohort.phantom.cohort import PhantomLesion, draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.imaging.affine_augmentation import (
    Variant,
    apply_variants,
    sample_variants,
    variant_rows,
)
from augtrial.imaging.context import Context
from augtrial.imaging.roi import extract_context
from benchmarks.paired import markdown, paired, seconds

PAPER = {"cyst": 53, "metastasis": 64, "hemangioma": 65}
ROI, CLASSIC = RoiSettings(), ClassicSettings()
FEW = 6  # lesions on which ways are held against each other
SLOW = 20  # variants a lesion of a way that takes far longer

Lesions = Sequence[PhantomLesion]


def varied(lesions: Lesions) -> Iterator[tuple[PhantomLesion, Context, list[Variant]]]:
    """Yield each lesion with its surroundings and the parameters of its variants."""
    for number, lesion in enumerate(lesions):
        context = extract_context(lesion, ROI, CLASSIC)
        draw = seeds.generator(0, "benchmark", number)
        yield lesion, context, sample_variants(context.diameter, CLASSIC, draw)


def ours(lesions: Lesions) -> None:
    """Cut all variants and write their rows, as the workflow does."""
    for _, context, variants in varied(lesions):
        apply_variants(context, variants, ROI.size)
        list(variant_rows(context, variants, ROI.size))


def opencv(lesions: Lesions) -> None:
    """Cut the same variants by a plain loop: window, smooth, warp, round."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    for lesion, context, variants in varied(lesions):
        for variant in variants:
            frame = context.in_slice(variant.frame(context.frame))
            low, high = ROI.window
            pixels = np.clip((lesion.pixels - low) / (high - low), 0, 1).astype(np.float32)
            if frame.side > ROI.size:
                pixels = cv2.GaussianBlur(pixels, (0, 0), (frame.side / ROI.size - 1) / 2)
            options = {"flags": flags, "borderMode": cv2.BORDER_REPLICATE}
            side, matrix = (ROI.size, ROI.size), frame.matrix(ROI.size)
            rounded(cv2.warpAffine(pixels, matrix, side, **options))


def rounded(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def crop_and_shift(context: Context) -> tuple[int, float]:
    """Return the side of a lesion's crop and the most that it is shifted, in pixels."""
    shift = min(CLASSIC.translation_pixels, CLASSIC.translation_share * context.diameter)
    return round(context.frame.side), shift


def albumentations(lesions: Lesions) -> None:
    """Draw as many variants from an ordinary pipeline: rotate, flip, shift, scale, crop, resize."""
    cubic = {"interpolation": cv2.INTER_CUBIC}
    for lesion in lesions:
        context = extract_context(lesion, ROI, CLASSIC)
        side, shift = crop_and_shift(context)
        affine = A.Affine(
            rotate=(0, 180),
            translate_px=(-round(shift), round(shift)),
            scale=(1 / 1.8, 1),
            border_mode=cv2.BORDER_REPLICATE,
            **cubic,
        )
        crop = A.CenterCrop(side, side, pad_if_needed=True)
        pipeline = A.Compose([affine, A.D4(p=0.5), crop, A.Resize(ROI.size, ROI.size, **cubic)])
        for _ in range(CLASSIC.number):
            rounded(pipeline(image=context.pixels)["image"])


def torchio(lesions: Lesions) -> None:
    """Draw some variants from TorchIO's transforms, on the context as a volume of one slice."""
    import torch
    import torchio as tio

    for lesion in lesions:
        context = extract_context(lesion, ROI, CLASSIC)
        side, shift = crop_and_shift(context)
        image = tio.ScalarImage(tensor=torch.from_numpy(context.pixels)[None, :, :, None])
        affine = tio.RandomAffine(
            scales=(1 / 1.8, 1),
            degrees=(0, 0, 0, 0, 0, 180),
            translation=(shift, shift, 0),
            isotropic=True,
        )
        flip, crop = tio.RandomFlip(axes=(0, 1)), tio.CropOrPad((side, side, 1))
        pipeline = tio.Compose([affine, flip, crop, tio.Resize((ROI.size, ROI.size, 1))])
        for _ in range(SLOW):
            rounded(pipeline(image).data[0, :, :, 0].numpy())


def text() -> str:
    cohort = list(draw_lesions(seed=0, stream="benchmark", classes=PAPER))
    ways = {"augtrial": ours, "plain OpenCV loop": opencv, "albumentations": albumentations}
    ways |= {"TorchIO": torchio} if find_spec("torchio") else {}
    took = paired({name: partial(way, cohort[:FEW]) for name, way in ways.items()}, rounds=3)
    counts = dict.fromkeys(ways, FEW * CLASSIC.number) | {"TorchIO": FEW * SLOW}
    rate = {name: counts[name] / took[name] for name in ways}
    whole = seconds(partial(ours, cohort))
    rows = [[name, f"{rate[name]:.0f}", f"{rate['augtrial'] / rate[name]:.1f}"] for name in ways]
    rows += [] if "TorchIO" in ways else [["TorchIO", "not installed", ""]]
    total = len(cohort) * CLASSIC.number
    summary = f"All {total:,} variants of {len(cohort)} lesions with their table: {whole:.1f} s."
    return f"{summary}\n\n{markdown(['way', 'variants a second', 'augtrial / this'], rows)}"
