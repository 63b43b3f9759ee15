"""The formats of images and masks to arrays: pictures, volumes and DICOM series.

Pillow and SimpleITK are imported where they are used: the lesion table is read at every start
of Snakemake and needs neither.
"""

import gzip
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.cohort.dicom import itk_reason, read_series
from augtrial.cohort.lesion import PICTURES
from augtrial.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "TIFF")
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Scan:
    """The pixels of a file, [slices, h, w], and the place in space of those that have one."""

    pixels: np.ndarray
    spacing: tuple[float, float] | None  # width and height of a pixel in mm
    volume: "sitk.Image | None"  # None for anything in two dimensions


def read_scan(path: Path, *, axial: bool = False, labels: bool = False) -> Scan:
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
def _kept(path: Path, version: tuple[int, int], axial: bool, labels: bool) -> Scan:
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
        what = (
            f"cannot be read ({itk_reason(error)}): it is truncated, damaged or of another format"
        )
        raise UserError(f"{path}: {what}") from None
    return Scan(sitk.GetArrayViewFromImage(volume), volume.GetSpacing()[:2], volume)


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
