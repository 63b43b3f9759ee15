"""A lesion, and a cohort of lesions, as the lesion table describes them; without pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
BOX = ("x0", "y0", "x1", "y1")
REQUIRED = ("lesion_id", "patient_id", "label", "image")
OPTIONAL = ("mask", "mask_value", *BOX, "slice", "spacing_mm", "fold")


@dataclass(frozen=True, slots=True)
class Lesion:
    """One row of the lesion table; the pixels are read by `lesion_slice`.

    `patient_id` is "" if the table has none. `image` and `mask` are paths, relative to the table's
    folder in the table and joined to it here. `box` is (x0, y0, x1, y1) in pixel edges:
    (0, 0, width, height) is the whole image. `fold` is a whole number, 0 or more. `extra` holds the
    columns that are not used; `row` is the line in the file, where the header is line 1.
    """

    lesion_id: str
    patient_id: str
    label: str
    image: Path
    mask: Path | None = None
    mask_value: int | None = None
    box: tuple[float, float, float, float] | None = None
    slice: int | None = None
    spacing_mm: float | None = None
    fold: int | None = None
    extra: dict[str, str] = field(default_factory=dict, hash=False)
    row: int = 0

    @property
    def case(self) -> str:
        """What a fold must not split: the patient, or the lesion if the patient is unknown."""
        return self.patient_id or self.lesion_id

    def values(self) -> dict[str, Any]:
        """Return the lesion as plain values: a job's parameters, which rerun it if they change.

        `row` and `extra` cannot change a result, and are left out.
        """
        return _PLAIN.dump_python(self, mode="json", exclude={"row", "extra"})

    @staticmethod
    def from_values(values: Mapping[str, Any]) -> "Lesion":
        """Return the lesion that `values` described."""
        return _PLAIN.validate_python(values)


_PLAIN = TypeAdapter(Lesion)


@dataclass(frozen=True)
class Cohort:
    """The lesions of a study, in the order of the table."""

    table: Path
    lesions: tuple[Lesion, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted alphabetically."""
        return tuple(sorted({lesion.label for lesion in self.lesions}))

    @property
    def has_patients(self) -> bool:
        """Whether the table says which lesions share a patient."""
        return any(lesion.patient_id for lesion in self.lesions)

    @property
    def has_folds(self) -> bool:
        """Whether the table gives the folds."""
        return any(lesion.fold is not None for lesion in self.lesions)


def format_name(path: Path) -> str:
    """Return the usual name of the file's format."""
    names = {"jpg": "JPEG", "tif": "TIFF", "nii": "NIfTI", "nii.gz": "NIfTI", "nhdr": "NRRD"}
    names |= {"mha": "MetaImage", "mhd": "MetaImage"}
    endings = [end for end in PICTURES + VOLUMES if path.name.lower().endswith(end)]
    if not endings:
        return "DICOM series"
    ending = endings[-1].removeprefix(".")
    return names.get(ending, ending.upper())
