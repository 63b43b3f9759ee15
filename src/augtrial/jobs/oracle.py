"""The job that makes the images of fresh lesions, for the oracle arms."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from augtrial.cohort.lesion import Lesion
from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.cohort.readers import lesion_slice
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core.io import write_arrays
from augtrial.imaging.positive_control import oracle_images


def draw_oracle(
    *,
    lesions: Sequence[Mapping[str, Any]],
    phantom: Mapping[str, Any] | None,
    number: int,
    roi: Mapping[str, Any],
    classic: Mapping[str, Any],
    seed: int,
    replicate: str | int,
    part: str | int,
    images: str | Path,
) -> None:
    """Write images of fresh lesions, which the fold of the same number may not see.

    `lesions`, from `Lesion.values`, are those of a second table. Where `phantom` gives the seed and
    the number of lesions per class, new patients are drawn instead, others for each part and
    replicate. The file has `number` images of each class: "images/<class>", uint8 [number, s, s].
    """
    fresh: Iterator[tuple[str, str, Any]]
    if phantom is None:
        table = map(Lesion.from_values, lesions)
        fresh = ((lesion.lesion_id, lesion.label, lesion_slice(lesion)) for lesion in table)
    else:
        stream = f"oracle-{seed}-{replicate}-{part}"
        drawn = draw_lesions(stream=stream, **phantom)
        fresh = ((f"{stream}-{index}", lesion.label, lesion) for index, lesion in enumerate(drawn))
    settings = RoiSettings(**roi), ClassicSettings(**classic)
    by_class = oracle_images(fresh, number, *settings, seed=seed, replicate=int(replicate))
    write_arrays(images, **{f"images/{label}": pixels for label, pixels in by_class.items()})
