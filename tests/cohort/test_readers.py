"""The readers: a sphere of known HU and diameter in every format; damaged files are reported."""

import locale
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from augtrial.cohort.lesion import Lesion
from augtrial.cohort.readers import LesionSlice, lesion_slice
from augtrial.core.errors import UserError

SPACING = (0.8, 0.8, 2.5)  # x, y, z in mm
CENTRE = (17, 12, 5)  # x, y, z in voxels
DIAMETER = 14.0  # mm
LESION, LIVER = 20, 110  # HU
VOLUMES = ("nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd")


def lesion(image: Path, **cells: object) -> Lesion:
    """Return a row of the table; without a mask it has a box."""
    row = Lesion(
        lesion_id="L1", patient_id="p1", label="cyst", image=image, mask=None, mask_value=None,
        box=None if "mask" in cells else (3, 4, 12, 10.5), slice=None, spacing_mm=None, fold=None,
        extra={}, row=7,
    )  # fmt: skip
    return replace(row, **cells)


def sphere() -> tuple[np.ndarray, np.ndarray]:
    """Return HU and mask, [12, 26, 32]: a sphere in liver, with one voxel of air in a corner."""
    grid = np.indices((12, 26, 32), float)[::-1]  # x, y, z
    squares = [((axis - c) * s) ** 2 for axis, c, s in zip(grid, CENTRE, SPACING, strict=True)]
    mask = sum(squares) <= (DIAMETER / 2) ** 2
    pixels = np.where(mask, LESION, LIVER).astype(np.int16)
    pixels[:, 0, 0] = -1000
    return pixels, mask


def volume(array: np.ndarray, spacing: tuple = SPACING) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin((-100.0, -50.0, 30.0))
    return image


def mask_volume(mask: np.ndarray, value: int = 1) -> sitk.Image:
    return volume(mask.astype(np.uint8) * value)


def save(image: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(image, str(path), useCompression=False)
    return path


def save_series(folder: Path, pixels: np.ndarray, *, uid: str = "1.2.3", **tags: str) -> Path:
    """Write a CT series with slope 2 and intercept -1024, its files in reverse order."""
    before = locale.setlocale(locale.LC_ALL)
    folder.mkdir(exist_ok=True)
    for number, plane in enumerate(pixels):
        image = sitk.JoinSeries(sitk.GetImageFromArray(plane))
        image.SetSpacing(SPACING)
        position = f"-100\\-50\\{30 + number * SPACING[2]}"
        known = {"0008|0060": "CT", "0020|000d": "1.2", "0020|000e": uid, "0008|103e": "portal"}
        known |= {"0008|0018": f"{uid}.{number + 1}", "0020|0013": str(number + 1)}
        known |= {"0020|0032": position, "0020|0037": "1\\0\\0\\0\\1\\0"}
        known |= {"0028|1052": "-1024", "0028|1053": "2"} | tags
        for key, value in known.items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{uid}-{99 - number}.dcm"))
        writer.Execute(image)
    # Writing DICOM leaves the locale at "C", where other tests' text files would be ASCII.
    locale.setlocale(locale.LC_ALL, before)
    return folder


def check_sphere(found: LesionSlice) -> None:
    assert found.pixels.dtype == np.float32
    assert found.mask.dtype == bool
    assert found.index == CENTRE[2]
    assert found.spacing_mm == pytest.approx(SPACING[0])
    assert set(found.pixels[found.mask]) == {LESION}
    rows, columns = np.nonzero(found.mask)
    assert (columns.mean(), rows.mean()) == pytest.approx(CENTRE[:2])
    diameter = 2 * np.sqrt(found.mask.sum() / np.pi) * found.spacing_mm
    assert diameter == pytest.approx(DIAMETER, rel=0.03)


def problem(row: Lesion) -> str:
    with pytest.raises(UserError) as caught:
        lesion_slice(row)
    assert len(caught.value.problems) == 1
    text = caught.value.problems[0]
    assert text.startswith("row 7 (L1): ")
    assert "\n" not in text
    assert "0x" not in text
    return text


# ---- volumes ----


@pytest.mark.parametrize("ending", VOLUMES)
def test_a_sphere_keeps_hu_place_and_diameter(tmp_path: Path, ending: str) -> None:
    pixels, mask = sphere()
    image = save(volume(pixels), tmp_path / f"image.{ending}")
    marked = save(mask_volume(mask), tmp_path / f"mask.{ending}")
    check_sphere(lesion_slice(lesion(image, mask=marked)))


def test_a_dicom_series_is_sorted_and_rescaled_to_hu(tmp_path: Path) -> None:
    pixels, mask = sphere()
    folder = save_series(tmp_path / "ct", pixels)
    (folder / "LICENSE").write_text("not a picture")
    found = lesion_slice(lesion(folder, mask=save(mask_volume(mask), tmp_path / "mask.nii.gz")))
    check_sphere(found)
    assert found.pixels[0, 0] == -1000
    boxed = lesion_slice(lesion(folder, slice=5))
    assert np.array_equal(boxed.pixels, found.pixels)
    assert (boxed.mask, boxed.box, boxed.index) == (None, (3, 4, 12, 10.5), 5)


def test_padding_outside_the_field_of_view_is_kept(tmp_path: Path) -> None:
    pixels, _ = sphere()
    pixels[:, 1, :] = -3024
    image = save(volume(pixels), tmp_path / "image.nii")
    assert lesion_slice(lesion(image, slice=0)).pixels.min() == -3024


def test_a_mask_value_picks_one_lesion_of_several(tmp_path: Path) -> None:
    pixels, mask = sphere()
    labels = mask.astype(np.uint8) * 3
    labels[0] = 1
    image = save(volume(pixels), tmp_path / "image.nrrd")
    marked = save(volume(labels), tmp_path / "mask.nrrd")
    check_sphere(lesion_slice(lesion(image, mask=marked, mask_value=3)))
    assert lesion_slice(lesion(image, mask=marked)).index == 0
    text = problem(lesion(image, mask=marked, mask_value=4))
    assert "mask.nrrd: the mask has no pixel of mask_value 4; its values are 0, 1, 3" in text


def test_of_equally_large_slices_the_middle_one_is_taken(tmp_path: Path) -> None:
    pixels, mask = sphere()
    mask[:] = False
    mask[3:8, 5:9, 5:9] = True
    marked = save(mask_volume(mask), tmp_path / "mask.nii")
    assert lesion_slice(lesion(save(volume(pixels), tmp_path / "i.nii"), mask=marked)).index == 5


@pytest.mark.parametrize("order", ["RAS", "PIR", "LSA", "SAL"])
@pytest.mark.parametrize("mask_order", ["LPS", "same"])
def test_axial_is_axial_however_the_volume_is_stored(
    tmp_path: Path, order: str, mask_order: str
) -> None:
    pixels, mask = sphere()
    image = save(sitk.DICOMOrient(volume(pixels), order), tmp_path / "image.nii.gz")
    turned = sitk.DICOMOrient(mask_volume(mask), order if mask_order == "same" else "LPS")
    check_sphere(lesion_slice(lesion(image, mask=save(turned, tmp_path / "mask.nii.gz"))))


@given(st.tuples(st.booleans(), st.booleans(), st.booleans()), st.permutations([0, 1, 2]))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_largest_slice_is_invariant_to_flips_and_swaps_of_axes(
    tmp_path: Path, flips: tuple[bool, bool, bool], order: list[int]
) -> None:
    pixels, mask = sphere()
    mask[2, 5:9, 5:9] = True
    turned = [
        sitk.PermuteAxes(sitk.Flip(image, flips), order)
        for image in (volume(pixels), mask_volume(mask))
    ]
    paths = [save(image, tmp_path / f"{n}.mha") for n, image in enumerate(turned)]
    check_sphere(lesion_slice(lesion(paths[0], mask=paths[1])))


def test_a_flat_medical_file_is_a_picture_with_its_own_spacing(tmp_path: Path) -> None:
    image = volume(sphere()[0])[:, :, 5]
    found = lesion_slice(lesion(save(image, tmp_path / "flat.mha")))
    assert (found.index, found.spacing_mm) == (None, 0.8)


def test_a_trailing_axis_of_one_is_no_series(tmp_path: Path) -> None:
    pixels, _ = sphere()
    image = sitk.JoinSeries(volume(pixels))
    assert lesion_slice(lesion(save(image, tmp_path / "i.mha"), slice=5)).pixels.shape == (26, 32)


def test_the_tables_spacing_goes_before_the_files(tmp_path: Path) -> None:
    image = save(volume(sphere()[0]), tmp_path / "image.nii")
    assert lesion_slice(lesion(image, slice=3, spacing_mm=0.5)).spacing_mm == 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mask: mask[:, :, :-1], "32 x 26 x 11 pixels, and its image .* is 32 x 26 x 12"),
        (lambda mask: moved(mask, origin=(-99.0, -50.0, 30.0)), "1 mm beside .*origin .-99, -50"),
        (
            lambda mask: moved(mask, spacing=(0.8, 0.8, 2.0)),
            "5.5 mm beside .*spacing .0.8, 0.8, 2.",
        ),
        (lambda mask: moved(mask, direction=(1, 0, 0, 0, 0, 1, 0, 1, 0)), "one size|beside"),
        (lambda mask: mask[:, :, 5], "is a 2-D picture, and its image .* is a volume"),
    ],
)
def test_a_mask_that_does_not_lie_on_its_image_is_reported(
    tmp_path: Path, change, words: str
) -> None:
    pixels, mask = sphere()
    image = save(volume(pixels), tmp_path / "image.nrrd")
    marked = save(change(mask_volume(mask)), tmp_path / "mask.nrrd")
    assert re.search(f"mask.nrrd: the mask .*{words}", problem(lesion(image, mask=marked)))


def moved(image: sitk.Image, **geometry: tuple) -> sitk.Image:
    for name, value in geometry.items():
        getattr(image, f"Set{name.title()}")(value)
    return image


def test_rounding_of_a_header_does_not_part_mask_and_image(tmp_path: Path) -> None:
    pixels, mask = sphere()
    image = save(volume(pixels), tmp_path / "image.nrrd")
    near = moved(mask_volume(mask), spacing=(0.8001, 0.7999, 2.5), origin=(-100.02, -50.0, 30.0))
    check_sphere(lesion_slice(lesion(image, mask=save(near, tmp_path / "mask.nrrd"))))


def test_boxes_ask_for_a_slice_inside_an_axial_volume(tmp_path: Path) -> None:
    image = volume(sphere()[0])
    path = save(image, tmp_path / "image.nii")
    assert "the box needs a slice from 0 to 11" in problem(lesion(path))
    assert "slice is 12, outside the volume: it has slices 0 to 11" in problem(
        lesion(path, slice=12)
    )
    coronal = save(sitk.PermuteAxes(image, (0, 2, 1)), tmp_path / "coronal.nii")
    assert "coronal.nii: is stored in coronal slices" in problem(lesion(coronal, slice=1))


def test_pixels_that_are_not_square_are_reported(tmp_path: Path) -> None:
    image = save(volume(sphere()[0], (0.8, 0.9, 2.5)), tmp_path / "image.nii")
    assert "0.8 x 0.9 mm, not square" in problem(lesion(image, slice=1))


def test_series_of_volumes_and_colour_volumes_are_reported(tmp_path: Path) -> None:
    one = volume(sphere()[0])
    path = save(sitk.JoinSeries([one, one]), tmp_path / "dynamic.nii")
    assert "a series of volumes, 32 x 26 x 12 x 2" in problem(lesion(path, slice=1))
    path = save(sitk.Compose(one, one, one), tmp_path / "colour.nrrd")
    assert "3 numbers per voxel" in problem(lesion(path, slice=1))


@pytest.mark.parametrize("ending", [*VOLUMES, "png", "jpg", "tif", "npy"])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.97])
def test_a_truncated_file_is_reported(tmp_path: Path, ending: str, part: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 26, 32)).astype(np.uint8)
    path = tmp_path / f"image.{ending}"
    if ending in VOLUMES:
        save(volume(pixels), path)
    elif ending == "npy":
        np.save(path, pixels[0])
    else:
        Image.fromarray(pixels[0]).save(path)
    cut = next(tmp_path.glob("*.raw"), path)
    whole = cut.read_bytes()
    cut.write_bytes(whole[: int(part * len(whole))])
    text = problem(lesion(path, slice=1 if ending in VOLUMES else None))
    assert str(path) in text
    assert re.search("empty|truncated|damaged", text)


@pytest.mark.parametrize("ending", [*VOLUMES, "png", "jpg", "tif", "npy"])
def test_a_file_of_something_else_is_reported(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"image.{ending}"
    path.write_bytes(b"<html>Not found</html>" * 40)
    assert str(path) in problem(lesion(path, slice=None))


def test_a_file_that_is_gone_is_reported(tmp_path: Path) -> None:
    assert "No such file" in problem(lesion(tmp_path / "gone.png"))


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "image.npy"
    for value in (1.0, 200.0):
        np.save(path, np.linspace(0, value, 16 * 16).reshape(16, 16))
        os.utime(path, ns=(0, int(value)))
        assert lesion_slice(lesion(path)).pixels.max() == value


# ---- DICOM folders ----


def test_a_folder_without_a_series_is_reported(tmp_path: Path, capfd) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "no DICOM series of images" in problem(lesion(tmp_path, slice=0))
    assert capfd.readouterr() == ("", "")


def test_several_series_in_a_folder_are_reported_by_name_and_number(tmp_path: Path) -> None:
    pixels, _ = sphere()
    save_series(tmp_path, pixels[:4], uid="1.2.3")
    save_series(tmp_path, pixels[:3], uid="1.2.4", **{"0008|103e": "arterial"})
    text = problem(lesion(tmp_path, slice=0))
    assert "2 DICOM series" in text
    assert "1.2.3 (CT 'portal', 4 files)" in text
    assert "1.2.4 (CT 'arterial', 3 files)" in text


def test_a_segmentation_beside_the_series_is_no_second_series(tmp_path: Path) -> None:
    pixels, _ = sphere()
    save_series(tmp_path, pixels[:4])
    save_series(tmp_path, pixels[:1], uid="1.2.9", **{"0008|0060": "SEG"})
    assert lesion_slice(lesion(tmp_path, slice=0)).pixels[2, 2] == LIVER


def test_a_missing_slice_is_reported(tmp_path: Path) -> None:
    save_series(tmp_path, sphere()[0])
    (tmp_path / "1.2.3-95.dcm").unlink()
    text = problem(lesion(tmp_path, slice=0))
    assert "1.2.3-96.dcm and 1.2.3-94.dcm are 5 mm apart, the others 2.5 mm" in text


def test_slices_at_one_position_are_reported(tmp_path: Path) -> None:
    save_series(tmp_path, sphere()[0][:3], **{"0020|0032": "0\\0\\10"})
    assert "at the same position" in problem(lesion(tmp_path, slice=0))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_damaged_slice_is_not_left_out_in_silence(tmp_path: Path, part: float) -> None:
    save_series(tmp_path, sphere()[0])
    last = tmp_path / "1.2.3-88.dcm"
    last.write_bytes(last.read_bytes()[: int(part * last.stat().st_size)])
    assert "truncated or damaged slices, 1.2.3-88.dcm" in problem(lesion(tmp_path, slice=0))


# ---- pictures ----

GREY = np.add.outer(np.arange(20), np.arange(30) * 3)  # [20, 30], 0 to 106


@pytest.mark.parametrize(
    ("ending", "dtype", "scale"),
    [
        ("png", np.uint8, 1),
        ("png", np.uint16, 500),
        ("tif", np.uint8, 1),
        ("tif", np.uint16, 500),
        ("tiff", np.int32, -500),
        ("tiff", np.float32, -0.125),
        ("npy", np.float64, -0.125),
        ("npy", np.int16, -300),
    ],
)
def test_pictures_keep_their_values(tmp_path: Path, ending: str, dtype: type, scale: float) -> None:
    path = tmp_path / f"image.{ending}"
    values = (GREY * scale).astype(dtype)
    np.save(path, values) if ending == "npy" else Image.fromarray(values).save(path)
    found = lesion_slice(lesion(path, spacing_mm=0.7))
    assert np.array_equal(found.pixels, values.astype(np.float32))
    assert (found.box, found.mask, found.index) == ((3, 4, 12, 10.5), None, None)
    assert found.spacing_mm == 0.7


def test_signed_tiff_of_16_bits_keeps_its_values(tmp_path: Path) -> None:
    values = (GREY * -9).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "image.tif"))
    assert np.array_equal(lesion_slice(lesion(tmp_path / "image.tif")).pixels, values)


def test_spacing_of_a_picture_is_unknown_unless_the_table_gives_it(tmp_path: Path) -> None:
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "image.png", dpi=(300, 300))
    assert np.isnan(lesion_slice(lesion(tmp_path / "image.png")).spacing_mm)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "npy", "tif"])
def test_masks_are_read_from_any_kind_of_picture(tmp_path: Path, mode: str) -> None:
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "image.png")
    region = np.zeros((20, 30), np.uint8)
    region[5:9, 7:20] = 2
    path = tmp_path / ("mask." + (mode if mode in ("npy", "tif") else "png"))
    mask = Image.fromarray(region)
    if mode == "npy":
        np.save(path, region)
    elif mode == "P":
        mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        mask.save(path)
    else:
        (mask if mode in ("L", "tif") else Image.fromarray(region * 127).convert(mode)).save(path)
    found = lesion_slice(lesion(tmp_path / "image.png", mask=path))
    assert np.array_equal(found.mask, region > 0)
    assert found.box is None


def test_grey_saved_as_colour_is_grey(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY.astype(np.uint8))
    for mode in ("RGB", "RGBA", "LA", "P"):
        grey.convert(mode).save(tmp_path / f"{mode}.png")
        assert np.array_equal(lesion_slice(lesion(tmp_path / f"{mode}.png")).pixels, GREY)


def picture_problem(tmp_path: Path, picture: Image.Image, name: str = "i.png", **how) -> str:
    picture.save(tmp_path / name, **how)
    text = problem(lesion(tmp_path / name))
    assert name in text
    return text


def test_pictures_that_are_not_one_grey_page_are_reported(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY.astype(np.uint8))
    red = Image.merge("RGB", (grey, grey, grey.point(lambda value: value + 9)))
    assert "colour picture" in picture_problem(tmp_path, red)
    assert "up to 9" in picture_problem(tmp_path, red)
    assert "CMYK" in picture_problem(tmp_path, grey.convert("CMYK"), "i.tif")
    clear = Image.merge("LA", (grey, grey))
    assert "transparent" in picture_problem(tmp_path, clear)
    pages = {"save_all": True, "append_images": [grey, grey]}
    assert "3 pages" in picture_problem(tmp_path, grey, "i.tif", **pages)
    turned = Image.Exif()
    turned[0x0112] = 6
    assert "EXIF" in picture_problem(tmp_path, grey, "i.jpg", exif=turned)


def test_colour_of_16_bits_is_not_cut_to_8(tmp_path: Path) -> None:
    sixteen = sitk.GetImageFromArray((GREY * 500).astype(np.uint16))
    for ending in ("png", "tif"):
        sitk.WriteImage(sitk.Compose(sixteen, sixteen, sixteen), str(tmp_path / f"i.{ending}"))
        assert "16 bits" in problem(lesion(tmp_path / f"i.{ending}"))


def test_a_picture_of_absurd_size_is_reported(tmp_path: Path, monkeypatch) -> None:
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "i.png")
    for limit in (500, 100):  # Pillow warns above the limit, and refuses above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert f"more than {limit} pixels" in problem(lesion(tmp_path / "i.png"))


@pytest.mark.parametrize("array", [GREY[None], GREY * 1j, np.array([[None]]), GREY[0]])
def test_arrays_that_are_no_picture_are_reported(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "i.npy", array)
    assert "i.npy" in problem(lesion(tmp_path / "i.npy"))


def test_nan_infinite_and_constant_pixels_are_reported(tmp_path: Path) -> None:
    values = GREY.astype(np.float32)
    values[3, 4:6] = np.nan, np.inf
    np.save(tmp_path / "i.npy", values)
    assert "2 of 600 pixels of the image are NaN or infinite" in problem(lesion(tmp_path / "i.npy"))
    np.save(tmp_path / "j.npy", np.full((20, 30), 7))
    assert "every pixel of the image is 7" in problem(lesion(tmp_path / "j.npy"))


def test_all_that_is_wrong_with_a_slice_is_reported_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.full((9, 9), 7))
    with pytest.raises(UserError) as caught:
        lesion_slice(lesion(tmp_path / "i.npy"))
    assert len(caught.value.problems) == 2


def test_masks_of_another_size_and_empty_masks_are_reported(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", GREY)
    np.save(tmp_path / "m.npy", np.ones((30, 20)))
    text = problem(lesion(tmp_path / "i.npy", mask=tmp_path / "m.npy"))
    assert "m.npy: the mask is 20 x 30 pixels, and its image i.npy is 30 x 20" in text
    np.save(tmp_path / "e.npy", np.zeros((20, 30)))
    assert "e.npy: the mask is empty" in problem(
        lesion(tmp_path / "i.npy", mask=tmp_path / "e.npy")
    )
    np.save(tmp_path / "n.npy", np.full((20, 30), np.nan))
    assert "NaN" in problem(lesion(tmp_path / "i.npy", mask=tmp_path / "n.npy"))


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, -0.5, 5, 5), (0, 0, 30.5, 5), (0, 0, 5, 21)])
def test_a_box_that_reaches_outside_the_image_is_reported(tmp_path: Path, box: tuple) -> None:
    np.save(tmp_path / "i.npy", GREY)
    text = problem(lesion(tmp_path / "i.npy", box=box))
    assert "reaches outside the image, 30 wide and 20 high" in text


def test_a_box_in_fractions_of_the_image_is_reported(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", GREY)
    text = problem(lesion(tmp_path / "i.npy", box=(0.2, 0.3, 0.7, 0.6)))
    assert "0.5 wide and 0.3 high, less than a pixel" in text


def test_a_box_may_be_the_whole_image(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", GREY)
    assert lesion_slice(lesion(tmp_path / "i.npy", box=(0, 0, 30, 20))).box == (0, 0, 30, 20)


def test_a_picture_has_no_slices(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", GREY)
    assert "has no slice 3" in problem(lesion(tmp_path / "i.npy", slice=3))


# ---- public data ----


@pytest.fixture
def cohorts() -> Path:
    root = os.environ.get("AUGTRIAL_COHORTS")
    if not root:
        pytest.skip("AUGTRIAL_COHORTS names no folder of cohorts")
    return Path(root)


def test_a_liver_series_is_read_in_hu(cohorts: Path) -> None:
    row = lesion(cohorts / "liver-ct-dicom", box=(150, 200, 190, 240), slice=4)
    found = lesion_slice(row)
    assert found.pixels.shape == (512, 512)
    assert found.pixels.min() == -3024
    assert 80 < np.median(found.pixels[200:240, 150:190]) < 150


def test_a_nifti_mask_lies_on_its_dicom_series(cohorts: Path) -> None:
    folder = cohorts / "sarcoma-ct-rtstruct" / "STS_003"
    found = lesion_slice(lesion(folder / "ct", mask=folder / "CT_mask.nii.gz"))
    twin = lesion_slice(lesion(folder / "CT_image.nii.gz", mask=folder / "CT_mask.nii.gz"))
    assert np.array_equal(found.pixels, twin.pixels)
    assert np.array_equal(found.mask, twin.mask)
    assert -20 < found.pixels[found.mask].mean() < 90


def test_a_folder_of_contours_or_segmentations_is_reported(cohorts: Path) -> None:
    contours = cohorts / "sarcoma-ct-rtstruct" / "STS_003" / "rtstruct"
    assert "no DICOM series of images" in problem(lesion(contours, slice=0))
    assert "liver.dcm is SEG" in problem(lesion(cohorts / "liver-ct-dicom-seg", slice=0))
