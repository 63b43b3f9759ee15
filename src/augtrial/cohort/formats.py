"""Image and mask files of all formats as arrays: pictures, volumes and DICOM series.

Pillow and SimpleITK are imported only where they are used: the lesion table is read at every start
of Snakemake, and needs neither.
"""

import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.cohort.dicom import itk_reason, read_series
from augtrial.cohort.lesion import PICTURES
from augtrial.core.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from PIL import Image


@dataclass(frozen=True)
class Scan:
    """The pixels of a file, [slices, h, w], and their position in space if the file has one."""

    pixels: np.ndarray
    spacing: tuple[float, float] | None  # width and height of a pixel in mm
    volume: "sitk.Image | None"  # None for a file of two dimensions


def read_scan(path: Path, *, axial: bool = False, labels: bool = False) -> Scan:
    """Read a picture, a volume, or the folder of a DICOM series; the last two are kept in memory.

    `axial` turns a volume to axial slices (LPS); with `labels`, a palette's colours do not matter.
    Raises `UserError` with the path, what is wrong with it, and what would be right.
    """
    try:
        stat = path.stat()
        if path.is_file() and stat.st_size == 0:
            raise UserError("the file is empty (0 bytes): copy it again")
        return _read_cached(path, (stat.st_mtime_ns, stat.st_size), axial, labels)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror or error}") from None
    except MemoryError:
        raise UserError(f"{path}: is too large for the memory of this machine") from None


# An image and its mask, and no more, since volumes are large. `version` changes with the file.
@lru_cache(maxsize=2)
def _read_cached(path: Path, version: tuple[int, int], axial: bool, labels: bool) -> Scan:
    if path.is_file() and path.name.lower().endswith(PICTURES):
        npy = path.suffix.lower() == ".npy"
        pixels = _read_npy(path) if npy else _read_picture(path, labels=labels)
        return Scan(pixels[np.newaxis], None, None)
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        volume = read_series(path) if path.is_dir() else _read_volume(path)
        if volume.GetDimension() == 2:
            return Scan(sitk.GetArrayFromImage(volume)[np.newaxis], volume.GetSpacing(), None)
        if axial:
            volume = sitk.DICOMOrient(volume, "LPS")
    except RuntimeError as error:
        advice = "it is truncated, damaged or of another format"
        raise UserError(f"cannot be read ({itk_reason(error)}): {advice}") from None
    return Scan(sitk.GetArrayViewFromImage(volume), volume.GetSpacing()[:2], volume)


def _read_npy(path: Path) -> np.ndarray:
    """Read a two-dimensional array of numbers."""
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # NumPy raises nearly any error on a damaged file
        raise UserError(f"is not an NPY array that can be read ({error})") from None
    if array.ndim != 2 or array.dtype.kind not in "buif":
        what = f"holds {array.dtype} of shape {array.shape}"
        raise UserError(f"{what}: real numbers of shape (h, w) are needed")
    return array


def _read_picture(path: Path, *, labels: bool) -> np.ndarray:
    """Read a PNG, JPEG or TIFF of one grey channel, with its values as they are."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # damaged metadata, intact pixels
            data = io.BytesIO(path.read_bytes())
            with Image.open(data, formats=("PNG", "JPEG", "TIFF")) as picture:
                return _grey(picture, labels)
    except UnidentifiedImageError:
        what = "is not a PNG, JPEG or TIFF picture, or its beginning is damaged"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        what = f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels: it is damaged, or must be cropped"
    except (UserError, MemoryError):
        raise
    except Exception as error:  # Pillow raises nearly any error on a damaged picture
        what = f"is truncated or damaged ({error}): copy it again"
    raise UserError(what)


def _grey(picture: "Image.Image", labels: bool) -> np.ndarray:
    """Return the grey channel of a picture; refuse colour, transparency and several pages."""
    tiles = getattr(picture, "tile", None)
    raw = tiles[0].args if tiles else ""
    if picture.mode in ("RGB", "RGBA", "LA") and "16" in str(raw[0] if type(raw) is tuple else raw):
        # Pillow would reduce these to 8 bits without a warning.
        raise UserError("has colour channels of 16 bits: save it as 16-bit grey")
    if (pages := getattr(picture, "n_frames", 1)) > 1:
        raise UserError(f"has {pages} pages: give a picture of one page, or a volume")
    if picture.getexif().get(0x0112, 1) != 1:
        raise UserError("is stored rotated (EXIF orientation): save it upright")
    picture.load()
    grey = picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16")
    if grey or (picture.mode == "P" and labels):  # a palette only colours the label values
        return np.array(picture)
    if picture.mode not in ("P", "PA", "LA", "RGB", "RGBA"):
        raise UserError(f"is a {picture.mode} picture: save it as grey")
    channels = np.array(picture.convert("RGBA")).astype(np.int16)
    if channels[..., 3].min() < 255:
        raise UserError("has transparent pixels: save it as grey without transparency")
    if difference := int(np.ptp(channels[..., :3], axis=2).max()):
        what = f"is a colour picture (red, green and blue differ by up to {difference})"
        raise UserError(f"{what}: save it as grey")
    return channels[..., 0]


def _read_volume(path: Path) -> "sitk.Image":
    """Read NIfTI, NRRD or MetaImage with one number per voxel, in two or three dimensions."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    if max(size[3:], default=1) > 1:
        what = f"is a series of volumes, {' x '.join(map(str, size))}"
        raise UserError(f"{what}: give one volume of three axes")
    if (numbers := reader.GetNumberOfComponents()) > 1:
        raise UserError(f"has {numbers} numbers per voxel: give one grey value per voxel")
    if path.name.lower().endswith((".nii", ".nii.gz")):
        bits = int(np.prod(size, dtype=np.int64)) * int(reader.GetMetaData("bitpix"))
        _check_length(path, int(reader.GetMetaData("vox_offset")) + bits // 8)
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    return reader.Execute()


def _check_length(path: Path, expected: int) -> None:
    """Refuse a truncated NIfTI file: ITK fills the missing pixels with random memory content."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            length = sum(len(block) for block in iter(lambda: file.read(1 << 20), b""))
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"is truncated or damaged ({error}): copy it again") from None
    if length < expected:
        what = f"is truncated: it has {length} bytes, but its header describes {expected}"
        raise UserError(f"{what}: copy it again")
