"""A DICOM series in a folder to one volume in HU; gaps, strays and doubled slices are refused.

SimpleITK is imported where it is used: the lesion table is read at every start of Snakemake and
does not need it.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk

# What a scanner's folder may hold beside the pictures themselves.
_NO_IMAGES = ("KO", "PR", "REG", "RTDOSE", "RTPLAN", "RTSTRUCT", "SEG", "SR")
# The same by storage class, with DICOMDIR: GDCM does not list all of them as series.
_NO_IMAGE_CLASS = re.compile(rb"1\.2\.840\.10008\.(1\.3\.10|5\.1\.4\.1\.1\.(11|66|88|481)\.)")


def read_series(folder: Path) -> "sitk.Image":
    """Read the one DICOM series of a folder, in HU; refuse gaps and doubled positions.

    GDCM sorts the slices by position and applies slope and intercept. Values that pad the
    field of view (say -3024) are kept.
    """
    import SimpleITK as sitk

    _check_strays(folder)
    names = _one_series(folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    # Slopes may differ from slice to slice (PET), and the first would decide the type of all.
    reader.SetOutputPixelType(sitk.sitkFloat32)
    volume = reader.Execute()
    if len(names) > 1:
        _check_positions(folder, [Path(name).name for name in names], reader)
    return volume


def _one_series(folder: Path) -> list[str]:
    """Return the files of the folder's only series of pictures, sorted by position."""
    import SimpleITK as sitk

    found, others = {}, []
    for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
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
            found[f"{uid} ({modality} {title!r}, {len(names)} files)"] = list(names)
    if len(found) > 1:
        what = f"holds {len(found)} DICOM series: {'; '.join(found)}; keep one series in a folder"
        raise UserError(f"{folder}: {what}")
    if not found:
        hint = f" ({'; '.join(others)})" if others else ""
        what = f"the folder holds no DICOM series of pictures{hint}"
        advice = "give the folder with the slices themselves; convert DICOM SEG to NIfTI or NRRD"
        raise UserError(f"{folder}: {what}: {advice}")
    return next(iter(found.values()))


def _check_strays(folder: Path) -> None:
    """Refuse a folder with damaged slices: GDCM leaves them out without a word."""
    import SimpleITK as sitk

    listed = set()
    for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
        listed |= {Path(name).name for name in names}
    strays = []
    for path in sorted(folder.iterdir()):
        if path.name in listed or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(1024)
        dicom = head[128:132] == b"DICM" or path.suffix.lower() == ".dcm"
        if dicom and not _NO_IMAGE_CLASS.search(head):
            strays.append(path.name)
    if strays:
        listed = ", ".join(strays[:5]) + ", ..." * (len(strays) > 5)
        raise UserError(
            f"{folder}: there are truncated or damaged slices, {listed}: copy them anew"
        )


def _check_positions(folder: Path, names: list[str], reader: "sitk.ImageSeriesReader") -> None:
    """Refuse a series whose slices are not parallel and at even distances."""
    axes, places = [], []
    for number, name in enumerate(names):
        try:
            keys = ("0020|0037", "0020|0032")
            both = [reader.GetMetaData(number, key).split("\\") for key in keys]
            axes.append([float(text) for text in both[0]])
            places.append([float(text) for text in both[1]])
        except (RuntimeError, ValueError):
            what = "has no position in space (0020,0032 and 0020,0037): its place is not known"
            raise UserError(f"{folder}: the slice {name} {what}") from None
    if np.ptp(axes, axis=0).max() > 1e-3:
        raise UserError(f"{folder}: the slices are not parallel: leave out the scout pictures")
    steps = np.diff(np.array(places) @ np.cross(axes[0][:3], axes[0][3:]))
    usual = float(np.median(np.abs(steps)))
    for number, step in enumerate(np.abs(steps)):
        pair = f"{names[number]} and {names[number + 1]}"
        if step < 1e-3:
            what = f"{pair} lie at the same position: keep one phase or reconstruction in a folder"
            raise UserError(f"{folder}: {what}")
        # Positions are rounded, by some scanners to 0.1 mm; a missing slice doubles the step.
        if abs(step - usual) > 0.1 * usual:
            what = f"{pair} are {step:.4g} mm apart, the others {usual:.4g} mm: are slices missing?"
            raise UserError(f"{folder}: {what}")


def itk_reason(error: RuntimeError) -> str:
    """Return the telling line of an ITK error, without addresses and source files."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Reason:")]
    line = re.sub(r"^.*?ERROR: |\w+\(0x[0-9a-f]+\): ", "", lines[-1])
    return re.sub(r"^\[nrrd\] \w+: ?", "", line).strip().rstrip(".:")
