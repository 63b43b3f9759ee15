"""The DICOM series of a folder as one volume in HU; incomplete or ambiguous series are refused."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.core.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk

# DICOM objects that are not images, by modality.
_NO_IMAGES = ("KO", "PR", "REG", "RTDOSE", "RTPLAN", "RTSTRUCT", "SEG", "SR")
# The same by storage class, and DICOMDIR: GDCM does not list all of them as series.
_NO_IMAGE_CLASS = re.compile(rb"1\.2\.840\.10008\.(1\.3\.10|5\.1\.4\.1\.1\.(11|66|88|481)\.)")


def read_series(folder: Path) -> "sitk.Image":
    """Read the one DICOM series of a folder, in HU; refuse missing and duplicate slices.

    GDCM sorts the slices by position and applies slope and intercept. Values outside the field of
    view (for example -3024) are kept.
    """
    import SimpleITK as sitk

    files = {
        uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    }
    _check_damaged(folder, {Path(name).name for names in files.values() for name in names})
    names = _one_series(files)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    # Slopes may differ between slices (PET); without this, the first slice decides the type.
    reader.SetOutputPixelType(sitk.sitkFloat32)
    volume = reader.Execute()
    if len(names) > 1:
        _check_positions([Path(name).name for name in names], reader)
    return volume


def _one_series(files: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the files of the folder's only series of images, sorted by position."""
    import SimpleITK as sitk

    series, others = {}, []
    for uid, names in files.items():
        reader = sitk.ImageFileReader()
        reader.SetFileName(names[0])
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            others.append(f"{Path(names[0]).name}: {itk_reason(error)}")
            continue
        keys = ("0008|0060", "0008|103e")
        modality, title = (
            reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else "" for key in keys
        )
        if modality in _NO_IMAGES:
            others.append(f"{Path(names[0]).name} is {modality}")
        elif reader.GetNumberOfComponents() > 1:
            others.append(f"{Path(names[0]).name} is a colour picture")
        else:
            series[f"{uid} ({modality} {title!r}, {len(names)} files)"] = list(names)
    if len(series) > 1:
        listed = "; ".join(series)
        raise UserError(f"has {len(series)} DICOM series: {listed}; keep one series per folder")
    if not series:
        hint = f" ({'; '.join(others)})" if others else ""
        advice = "give the folder of the slices; convert DICOM SEG to NIfTI or NRRD"
        raise UserError(f"the folder has no DICOM series of images{hint}: {advice}")
    return next(iter(series.values()))


def _check_damaged(folder: Path, listed: set[str]) -> None:
    """Refuse a folder with damaged slices: GDCM does not list them in any series."""
    damaged = []
    for path in sorted(folder.iterdir()):
        if path.name in listed or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(1024)
        dicom = head[128:132] == b"DICM" or path.suffix.lower() == ".dcm"
        if dicom and not _NO_IMAGE_CLASS.search(head):
            damaged.append(path.name)
    if damaged:
        names = ", ".join(damaged[:5]) + (", ..." if len(damaged) > 5 else "")
        raise UserError(f"has truncated or damaged slices, {names}: copy them again")


def _check_positions(names: list[str], reader: "sitk.ImageSeriesReader") -> None:
    """Refuse a series whose slices are not parallel, or not at equal distances."""
    axes, positions = [], []
    for number, name in enumerate(names):
        try:
            keys = ("0020|0037", "0020|0032")
            orientation, position = (reader.GetMetaData(number, key).split("\\") for key in keys)
            axes.append([float(text) for text in orientation])
            positions.append([float(text) for text in position])
        except (RuntimeError, ValueError):
            what = "has no position in space (tags 0020,0032 and 0020,0037)"
            raise UserError(f"the slice {name} {what}") from None
    if np.ptp(axes, axis=0).max() > 1e-3:
        raise UserError("the slices are not parallel: remove the scout images")
    steps = np.diff(np.array(positions) @ np.cross(axes[0][:3], axes[0][3:]))
    usual = float(np.median(np.abs(steps)))
    for number, step in enumerate(np.abs(steps)):
        pair = f"{names[number]} and {names[number + 1]}"
        if step < 1e-3:
            advice = "keep one phase or reconstruction per folder"
            raise UserError(f"{pair} are at the same position: {advice}")
        # Positions are rounded, by some scanners to 0.1 mm; a missing slice doubles the step.
        if abs(step - usual) > 0.1 * usual:
            apart = f"{step:.4g} mm apart, the others {usual:.4g} mm"
            raise UserError(f"{pair} are {apart}: are slices missing?")


def itk_reason(error: RuntimeError) -> str:
    """Return the line of an ITK error that names the reason, without addresses and source files."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Reason:")]
    line = re.sub(r"^.*?ERROR: |\w+\(0x[0-9a-f]+\): ", "", lines[-1])
    return re.sub(r"^\[nrrd\] \w+: ?", "", line).strip().rstrip(".:")
