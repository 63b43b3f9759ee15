"""A lesion and a cohort of them, as the lesion table gives them; no pixels yet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
BOX = ("x0", "y0", "x1", "y1")
REQUIRED = ("lesion_id", "patient_id", "label", "image")
OPTIONAL = ("mask", "mask_value", *BOX, "slice", "spacing_mm", "fold")


@dataclass(frozen=True, slots=True)
class Lesion:
    """One row of the lesion table; the pixels are read by `lesion_slice`.

    `patient_id` is "" where the table has none. `image` and `mask` are joined to the table's
    folder. `box` is (x0, y0, x1, y1) in pixel edges: (0, 0, width, height) is the whole image.
    `fold` is any whole number from 0. `extra` holds the columns that are only carried along;
    `row` is the line in the file, where the header is line 1.
    """

    lesion_id: str
    patient_id: str
    label: str
    image: Path
    mask: Path | None
    mask_value: int | None
    box: tuple[float, float, float, float] | None
    slice: int | None
    spacing_mm: float | None
    fold: int | None
    extra: dict[str, str] = field(hash=False)
    row: int

    @property
    def case(self) -> str:
        """Whose it is: the patient's id, or its own where there is none."""
        return self.patient_id or self.lesion_id

    def values(self) -> dict[str, Any]:
        """Return it as plain values: what a job is told, and reruns for when they change.

        Its line in the table and the columns carried along change nothing, and are left out.
        """
        values = asdict(self)
        del values["row"], values["extra"]
        values["image"] = self.image.as_posix()
        values["mask"] = None if self.mask is None else self.mask.as_posix()
        return values

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Lesion":
        """Return the lesion of plain values."""
        mask, box = values["mask"], values["box"]
        places = {
            "image": Path(values["image"]),
            "mask": None if mask is None else Path(mask),
            "box": None if box is None else tuple(box),
        }
        return cls(**{**values, **places}, extra={}, row=0)


@dataclass(frozen=True)
class Cohort:
    """The lesions of a study, in the order of their table."""

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
    """Return what a person calls the file's format."""
    names = {"jpg": "JPEG", "tif": "TIFF", "nii": "NIfTI", "nii.gz": "NIfTI", "nhdr": "NRRD"}
    names |= {"mha": "MetaImage", "mhd": "MetaImage"}
    endings = [end for end in PICTURES + VOLUMES if path.name.lower().endswith(end)]
    if not endings:
        return "DICOM series"
    ending = endings[-1].removeprefix(".")
    return names.get(ending, ending.upper())
