"""Pictures, volumes, DICOM series and masks to one axial slice a lesion.

Pillow and SimpleITK are imported where they are used: the lesion table is read at every start
of Snakemake and needs neither.
"""

import gzip
import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.cohort.table import PICTURES, Lesion
from augtrial.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from PIL import Image

# What a scanner's folder may hold beside the pictures themselves.
_NO_IMAGES = ("KO", "PR", "REG", "RTDOSE", "RTPLAN", "RTSTRUCT", "SEG", "SR")
# The same by storage class, with DICOMDIR: GDCM does not list all of them as series.
_NO_IMAGE_CLASS = re.compile(rb"1\.2\.840\.10008\.(1\.3\.10|5\.1\.4\.1\.1\.(11|66|88|481)\.)")
_FORMATS = ("PNG", "JPEG", "TIFF")
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class LesionSlice:
    """The axial slice that shows a lesion, in the file's own pixels.

    `pixels` is float32 [h, w] (HU for CT), rows from the top; either `mask` is bool [h, w], or
    `box` is (x0, y0, x1, y1) in pixel edges. `spacing_mm` is NaN where it is unknown; `index`
    is the slice of a volume, counted from 0 along the axial axis, and None for a picture.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    box: tuple[float, float, float, float] | None
    spacing_mm: float
    index: int | None


def lesion_slice(lesion: Lesion) -> LesionSlice:
    """Read the axial slice with the lesion's largest mask area, or the slice of its box.

    Several slices of the same largest area: the middle one. Volumes with masks are turned to
    LPS first (rows to the patient's back, columns to the left, slices to the head), so that
    axial is axial however the file is stored; volumes with boxes must be stored axially, and
    `slice` counts along their stored third axis. The table's spacing goes before the file's.
    Raises `UserError` that names row, lesion, file and what is wrong.
    """
    return read_lesion(lesion)[0]


def read_lesion(lesion: Lesion) -> tuple[LesionSlice, np.ndarray | None]:
    """Return the lesion's slice, and the mask file's own values on it ([h, w]; None for a box).

    Raises `UserError` as `lesion_slice` does.
    """
    try:
        return _by_box(lesion) if lesion.mask is None else _by_mask(lesion, lesion.mask)
    except UserError as error:
        place = f"row {lesion.row} ({lesion.lesion_id})"
        raise UserError([f"{place}: {problem}" for problem in error.problems]) from None


@dataclass(frozen=True)
class _Scan:
    """The pixels of a file, [slices, h, w], and the place in space of those that have one."""

    pixels: np.ndarray
    spacing: tuple[float, float] | None  # width and height of a pixel in mm
    volume: "sitk.Image | None"  # None for anything in two dimensions


def _by_mask(lesion: Lesion, path: Path) -> tuple[LesionSlice, np.ndarray]:
    image = _scan(lesion.image, axial=True)
    mask = _scan(path, axial=True, labels=True)
    _check_match(lesion.image, image, path, mask)
    values = mask.pixels
    if np.isnan(values).any():
        raise UserError(f"{path}: the mask has NaN pixels: write 0 outside the lesion")
    region = values != 0 if lesion.mask_value is None else values == lesion.mask_value
    areas = region.sum(axis=(1, 2))
    if not areas.any():
        present = [f"{value:g}" for value in np.unique(values)]
        listed = ", ".join(present[:10]) + (", ..." if len(present) > 10 else "")
        what = "is empty"
        if lesion.mask_value is not None:
            what = f"has no pixel of mask_value {lesion.mask_value}"
        raise UserError(f"{path}: the mask {what}; the values in it are {listed}")
    largest = np.flatnonzero(areas == areas.max())
    index = int(largest[(len(largest) - 1) // 2])
    return _finish(lesion, image, index, region[index]), values[index]


def _by_box(lesion: Lesion) -> tuple[LesionSlice, None]:
    image = _scan(lesion.image)
    slices = len(image.pixels)
    if image.volume is None:
        if lesion.slice is not None:
            what = f"is a 2-D picture and has no slice {lesion.slice}: leave slice empty"
            raise UserError(f"{lesion.image}: {what}")
        return _finish(lesion, image, 0, None), None
    _check_axial(lesion.image, image.volume)
    if lesion.slice is None and slices > 1:
        what = f"is a volume of {slices} slices: the box needs a slice from 0 to {slices - 1}"
        raise UserError(f"{lesion.image}: {what}")
    index = lesion.slice or 0
    if index >= slices:
        what = f"slice is {index}, outside the volume: it has slices 0 to {slices - 1}"
        raise UserError(f"{lesion.image}: {what}")
    return _finish(lesion, image, index, None), None


def _finish(lesion: Lesion, image: _Scan, index: int, mask: np.ndarray | None) -> LesionSlice:
    """Check the slice itself, all at once, and give it its spacing."""
    pixels = image.pixels[index].astype(np.float32)
    height, width = pixels.shape
    problems = []
    where = "the image" if image.volume is None else f"slice {index}"
    bad = np.count_nonzero(~np.isfinite(pixels))
    if bad:
        problems.append(f"{bad} of {pixels.size} pixels of {where} are NaN or infinite: mend them")
    elif pixels.min() == pixels.max():
        problems.append(f"every pixel of {where} is {pixels.flat[0]:g}: there is no picture in it")
    if lesion.box is not None:
        x0, y0, x1, y1 = lesion.box
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            box = ", ".join(f"{edge:g}" for edge in lesion.box)
            size = f"the image, {width} wide and {height} high"
            problems.append(f"the box ({box}) as x0, y0, x1, y1 reaches outside {size}")
        if min(x1 - x0, y1 - y0) < 1:
            what = f"the box is {x1 - x0:g} wide and {y1 - y0:g} high, less than a pixel"
            problems.append(f"{what}: give pixels, not fractions of the image")
    spacing = float("nan")
    if image.spacing is not None:
        spacing = sum(image.spacing) / 2
        if abs(image.spacing[0] - image.spacing[1]) > 0.01 * spacing:
            size = " x ".join(f"{side:g}" for side in image.spacing)
            what = f"the pixels of an axial slice are {size} mm, not square: resample the image"
            problems.append(what)
    if problems:
        raise UserError([f"{lesion.image}: {problem}" for problem in problems])
    return LesionSlice(
        pixels=pixels,
        mask=mask,
        box=lesion.box if mask is None else None,
        spacing_mm=spacing if lesion.spacing_mm is None else lesion.spacing_mm,
        index=None if image.volume is None else index,
    )


def _check_match(image_path: Path, image: _Scan, mask_path: Path, mask: _Scan) -> None:
    """Refuse a mask that does not lie on its image."""
    if (image.volume is None) != (mask.volume is None):
        kinds = [
            "a volume" if scan.volume is not None else "a 2-D picture" for scan in (image, mask)
        ]
        what = (
            f"is {kinds[1]}, and its image {image_path.name} is {kinds[0]}: give both as one kind"
        )
        raise UserError(f"{mask_path}: the mask {what}")
    if image.pixels.shape != mask.pixels.shape:
        sizes = [" x ".join(map(str, scan.pixels.shape[::-1])) for scan in (mask, image)]
        if image.volume is None:
            sizes = [size.removesuffix(" x 1") for size in sizes]
        what = f"is {sizes[0]} pixels, and its image {image_path.name} is {sizes[1]}"
        raise UserError(f"{mask_path}: the mask {what}: they must be of one size")
    if image.volume is None or mask.volume is None:
        return
    # Corners tell everything: origin, spacing and direction are wrong only by what they move.
    last = [size - 1 for size in image.volume.GetSize()]
    corners = [tuple(int(n) for n in corner) for corner in product(*((0, n) for n in last))]
    apart = max(
        np.linalg.norm(
            np.subtract(
                image.volume.TransformIndexToPhysicalPoint(corner),
                mask.volume.TransformIndexToPhysicalPoint(corner),
            )
        )
        for corner in corners
    )
    if apart > 0.25 * min(image.volume.GetSpacing()):
        differ = []
        for name in ("Spacing", "Origin", "Direction"):
            ours, theirs = (getattr(scan.volume, f"Get{name}")() for scan in (mask, image))
            if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
                told = [", ".join(f"{number:.4g}" for number in side) for side in (ours, theirs)]
                differ.append(f"{name.lower()} ({told[0]}) against ({told[1]})")
        what = f"lies up to {apart:.3g} mm beside its image {image_path.name}: {'; '.join(differ)}"
        raise UserError(f"{mask_path}: the mask {what}; resample it to the image's grid")


def _check_axial(path: Path, volume: "sitk.Image") -> None:
    """Refuse a volume whose third axis is not the one from feet to head."""
    third = np.abs(np.reshape(volume.GetDirection(), (3, 3))[:, 2])
    if third.argmax() != 2:
        plane = ("sagittal", "coronal")[third.argmax()]
        what = f"is stored in {plane} slices: a box needs axial ones; give a mask, or reorient it"
        raise UserError(f"{path}: {what}")


def _scan(path: Path, *, axial: bool = False, labels: bool = False) -> _Scan:
    """Read a file; the last few are kept, since neighbouring rows often share them."""
    try:
        stat = path.stat()
        if path.is_file() and stat.st_size == 0:
            raise UserError(f"{path}: the file is empty (0 bytes): copy it anew")
        return _kept(path, (stat.st_mtime_ns, stat.st_size), axial, labels)
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror or error}") from None
    except MemoryError:
        raise UserError(f"{path}: is too large for this machine's memory") from None


# Two: an image and its mask. Volumes are large.
@lru_cache(maxsize=2)
def _kept(path: Path, version: tuple[int, int], axial: bool, labels: bool) -> _Scan:
    if path.is_file() and path.name.lower().endswith(PICTURES):
        npy = path.suffix.lower() == ".npy"
        pixels = _read_npy(path) if npy else _read_picture(path, labels=labels)
        return _Scan(pixels[np.newaxis], None, None)
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        volume = _read_series(path) if path.is_dir() else _read_volume(path)
        if volume.GetDimension() == 2:
            return _Scan(sitk.GetArrayFromImage(volume)[np.newaxis], volume.GetSpacing(), None)
        if axial:
            volume = sitk.DICOMOrient(volume, "LPS")
    except RuntimeError as error:
        what = f"cannot be read ({_reason(error)}): it is truncated, damaged or of another format"
        raise UserError(f"{path}: {what}") from None
    return _Scan(sitk.GetArrayViewFromImage(volume), volume.GetSpacing()[:2], volume)


def _read_npy(path: Path) -> np.ndarray:
    """Read a two-dimensional array of numbers."""
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # as on a damaged picture
        raise UserError(f"{path}: is no NPY array that can be read ({error})") from None
    if array.ndim != 2 or array.dtype.kind not in "buif":
        what = (
            f"holds {array.dtype} of shape {array.shape}: real numbers of shape (h, w) are needed"
        )
        raise UserError(f"{path}: {what}")
    return array


def _read_picture(path: Path, *, labels: bool) -> np.ndarray:
    """Read a PNG, JPEG or TIFF of one grey channel, in its own values."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # damaged metadata of a sound picture
            with Image.open(io.BytesIO(path.read_bytes()), formats=_FORMATS) as picture:
                return _grey(path, picture, labels)
    except UnidentifiedImageError:
        what = "is no PNG, JPEG or TIFF picture, or its beginning is damaged"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        what = f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels: it is damaged, or must be cropped"
    except (UserError, MemoryError):
        raise
    except Exception as error:  # Pillow raises nearly anything on a damaged picture
        what = f"is truncated or damaged ({error}): copy it anew"
    raise UserError(f"{path}: {what}")


def _grey(path: Path, picture: "Image.Image", labels: bool) -> np.ndarray:
    """Return the one channel of a picture; refuse what has several, or several pages."""
    raw = picture.tile[0].args if picture.tile else ""
    if picture.mode in ("RGB", "RGBA", "LA") and "16" in str(raw[0] if type(raw) is tuple else raw):
        # Pillow would cut these to 8 bits without a word.
        raise UserError(f"{path}: has colour channels of 16 bits: save it as 16-bit grey")
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        raise UserError(f"{path}: has {pages} pages: give a picture of one page, or a volume")
    if picture.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        raise UserError(f"{path}: is to be turned when shown (EXIF orientation): save it upright")
    picture.load()
    if picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16"):
        return np.array(picture)
    if picture.mode == "P" and labels:
        return np.array(picture)  # a palette only colours the label values
    if picture.mode not in ("P", "PA", "LA", "RGB", "RGBA"):
        raise UserError(f"{path}: is a {picture.mode} picture: save it as grey")
    channels = np.array(picture.convert("RGBA")).astype(np.int16)
    if channels[..., 3].min() < 255:
        raise UserError(f"{path}: has transparent pixels: save it as grey without transparency")
    apart = int(np.ptp(channels[..., :3], axis=2).max())
    if apart:
        what = f"is a colour picture (red, green and blue differ by up to {apart}): save it as grey"
        raise UserError(f"{path}: {what}")
    return channels[..., 0]


def _read_volume(path: Path) -> "sitk.Image":
    """Read NIfTI, NRRD or MetaImage with one number a voxel, in two or three dimensions."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    if max(size[3:], default=1) > 1:
        what = (
            f"is a series of volumes, {' x '.join(map(str, size))}: give one volume of three axes"
        )
        raise UserError(f"{path}: {what}")
    if reader.GetNumberOfComponents() > 1:
        what = f"has {reader.GetNumberOfComponents()} numbers a voxel: give one grey value a voxel"
        raise UserError(f"{path}: {what}")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        _check_nifti_length(path, voxels=int(np.prod(size, dtype=np.int64)))
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    return reader.Execute()


def _check_nifti_length(path: Path, voxels: int) -> None:
    """Refuse a truncated NIfTI file: ITK fills the rest with whatever is in memory."""
    zipped = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            head = file.read(540)
            length = len(head) + sum(len(block) for block in iter(lambda: file.read(1 << 20), b""))
        order = "<" if struct.unpack_from("<i", head)[0] in (348, 540) else ">"
        first = struct.unpack_from(order + "i", head)[0] == 348  # of the format's two versions
        bits = struct.unpack_from(order + "h", head, 72 if first else 14)[0]
        start = struct.unpack_from(*(order + "f", head, 108) if first else (order + "q", head, 168))
    except (EOFError, OSError, zlib.error, struct.error) as error:
        raise UserError(f"{path}: is truncated or damaged ({error}): copy it anew") from None
    needed = int(start[0]) + voxels * bits // 8
    if length < needed:
        what = (
            f"is truncated: it holds {length} bytes where its header needs {needed}: copy it anew"
        )
        raise UserError(f"{path}: {what}")


def _read_series(folder: Path) -> "sitk.Image":
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
            others.append(f"{Path(names[0]).name}: {_reason(error)}")
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


def _reason(error: RuntimeError) -> str:
    """Return the telling line of an ITK error, without addresses and source files."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Reason:")]
    line = re.sub(r"^.*?ERROR: |\w+\(0x[0-9a-f]+\): ", "", lines[-1])
    return re.sub(r"^\[nrrd\] \w+: ?", "", line).strip().rstrip(".:")
