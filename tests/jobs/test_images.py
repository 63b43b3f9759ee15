"""The jobs that make images, on discs and phantoms of known truth, without Snakemake."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from augtrial.cohort.lesion import Lesion
from augtrial.cohort.phantom.cohort import cohort_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants
from augtrial.imaging.context import read_contexts
from augtrial.imaging.roi import extract_roi
from augtrial.imaging.training_set import read_part
from augtrial.jobs.lesion_tables import gather_rois, write_folds
from augtrial.jobs.oracle import draw_oracle
from augtrial.jobs.phantom import draw_phantom
from augtrial.jobs.rois import extract_rois
from augtrial.jobs.transforms import transform_variants
from augtrial.jobs.variants import make_variants
from conftest import disc_slice

ROI = RoiSettings(size=16).model_dump()
CLASSIC = ClassicSettings(n_rotations=2, n_flips=1, n_translations=1, n_scales=1).model_dump()
PHANTOM = {"seed": 3, "classes": {"cyst": 2, "metastasis": 1}}
HU = {"cyst": 20.0, "metastasis": 60.0}  # of discs in a liver of 110 HU
RADII = (9, 12, 15)  # of the discs in pixels


def lesions(folder) -> list[dict]:
    """Write three discs of two classes; return them as `Lesion.values`."""
    found = []
    for number, radius in enumerate(RADII):
        label = ("cyst", "metastasis")[number % 2]
        disc = disc_slice(radius=radius, inside=HU[label])
        files = folder / f"image{number}.npy", folder / f"mask{number}.npy"
        np.save(files[0], disc.pixels)
        np.save(files[1], disc.mask)
        row = Lesion(
            lesion_id=f"L{number}", patient_id=f"p{number}", label=label, image=files[0],
            mask=files[1], mask_value=None, box=None, slice=None, spacing_mm=0.5, fold=None,
            extra={}, row=number + 2,
        )  # fmt: skip
        found.append(row.values())
    return found


@pytest.fixture
def part(tmp_path):
    """The files of a part: its ROIs, their surroundings and measurements, and its variants."""
    names = ("rois.npz", "contexts.npz", "rois.csv", "variants.npy", "variants.csv")
    files = {name: tmp_path / name for name in names}
    extract_rois(
        lesions=lesions(tmp_path),
        roi=ROI,
        reach=CLASSIC,
        rois=files["rois.npz"],
        contexts=files["contexts.npz"],
        table=files["rois.csv"],
    )
    make_variants(
        rois=files["rois.npz"],
        contexts=files["contexts.npz"],
        classic=CLASSIC,
        size=16,
        seed=5,
        replicate="2-share50",
        variants=files["variants.npy"],
        table=files["variants.csv"],
    )
    return files


def test_rois_surroundings_and_measurements_are_of_the_same_lesions(part):
    with np.load(part["rois.npz"]) as arrays:
        images = arrays["images"]
        assert arrays["lesion_id"].tolist() == ["L0", "L1", "L2"]
        assert arrays["label"].tolist() == ["cyst", "metastasis", "cyst"]
    for image, context in zip(images, read_contexts(part["contexts.npz"]), strict=True):
        np.testing.assert_array_equal(image, extract_roi(context, 16))
    table = pd.read_csv(part["rois.csv"])
    assert table["mean"].tolist() == [20, 60, 20]
    assert table["surroundings_mean"].tolist() == [110] * 3
    np.testing.assert_allclose(table["diameter_mm"], np.array(RADII), rtol=0.02)  # 2 r x 0.5 mm
    assert table.columns[:4].tolist() == ["lesion_id", "patient_id", "label", "image"]


def test_a_lesion_that_cannot_be_read_is_reported_and_nothing_is_written(tmp_path):
    values = lesions(tmp_path)
    (tmp_path / "image1.npy").unlink()
    outputs = {name: tmp_path / "out" / name for name in ("rois", "contexts", "table")}
    with pytest.raises(UserError, match="L1"):
        extract_rois(lesions=values, roi=ROI, reach=CLASSIC, **outputs)
    assert not (tmp_path / "out").exists()


def test_variants_are_decided_by_seed_replicate_and_lesion_alone(part):
    variants = np.load(part["variants.npy"])
    assert variants.shape == (3, 8, 16, 16)
    settings = ClassicSettings(**CLASSIC)
    for index, context in enumerate(read_contexts(part["contexts.npz"])):
        generator = seeds.generator(5, "variants", 2, f"L{index}")
        sampled = sample_variants(context.diameter, settings, generator)
        np.testing.assert_array_equal(variants[index], apply_variants(context, sampled, 16))


def test_every_variant_has_one_row_with_its_parameters(part):
    table = pd.read_csv(part["variants.csv"])
    assert table["lesion_id"].tolist() == [f"L{index}" for index in range(3) for _ in range(8)]
    assert table["variant"].tolist() == list(range(8)) * 3
    assert table["kind"].value_counts().to_dict() == dict.fromkeys(
        ("rotation", "flip", "translation", "scale"), 6
    )


@pytest.mark.parametrize(("size", "counts"), [("all", [8, 8, 8]), (6, [2, 2, 2])])
def test_transforms_change_the_variants_that_an_arm_takes(part, tmp_path, size, counts):
    transform_variants(
        rois=part["rois.npz"],
        variants=part["variants.npy"],
        transforms=[{"VerticalFlip": {"p": 1.0}}],
        size=size,
        seed=5,
        replicate="1",
        arm="flipped",
        transformed=tmp_path / "flipped.npy",
    )
    stored = read_part(part["rois.npz"], part["variants.npy"]).variants
    taken = np.concatenate([stored[index][:count] for index, count in enumerate(counts)])
    np.testing.assert_array_equal(np.load(tmp_path / "flipped.npy"), taken[:, ::-1])


def oracle(folder, **changes) -> dict[str, np.ndarray]:
    options = {"lesions": [], "phantom": PHANTOM, "number": 4, "roi": ROI, "classic": CLASSIC}
    options |= {"seed": 5, "replicate": "1", "part": "2", "images": folder / "oracle.npz"}
    draw_oracle(**{**options, **changes})
    with np.load(folder / "oracle.npz") as arrays:
        return dict(arrays)


def test_the_oracle_of_a_table_starts_with_the_rois_of_its_lesions(part, tmp_path):
    images = oracle(tmp_path, lesions=lesions(tmp_path), phantom=None)
    assert {name: stack.shape for name, stack in images.items()} == {
        "images/cyst": (4, 16, 16),
        "images/metastasis": (4, 16, 16),
    }
    with np.load(part["rois.npz"]) as arrays:
        rois = arrays["images"]
    np.testing.assert_array_equal(images["images/cyst"][:2], rois[[0, 2]])
    np.testing.assert_array_equal(images["images/metastasis"][0], rois[1])


def test_each_part_of_each_replicate_draws_new_phantom_patients(tmp_path):
    first = oracle(tmp_path)["images/cyst"]
    np.testing.assert_array_equal(first, oracle(tmp_path)["images/cyst"])
    for change in ({"part": "1"}, {"replicate": "2"}, {"seed": 6}):
        assert not np.array_equal(first[:2], oracle(tmp_path, **change)["images/cyst"][:2])


def test_the_built_in_cohort_is_written_beside_its_table(tmp_path):
    draw_phantom(table=tmp_path / "lesions.csv", phantom=PHANTOM, processes=1)
    lesions = cohort_lesions(tmp_path, **PHANTOM)
    table = pd.read_csv(tmp_path / "lesions.csv")
    assert table["lesion_id"].tolist() == [lesion.lesion_id for lesion in lesions]
    assert all(lesion.image.exists() and lesion.mask.exists() for lesion in lesions)


def test_measurements_of_all_parts_are_in_the_order_of_the_cohort(part, tmp_path):
    table = pd.read_csv(part["rois.csv"])
    halves = tmp_path / "a.csv", tmp_path / "b.csv"
    table.iloc[[2, 0]].to_csv(halves[0], index=False)
    table.iloc[[1]].to_csv(halves[1], index=False)
    gather_rois(parts=halves, lesions=["L0", "L1", "L2"], table=tmp_path / "rois-all.csv")
    assert (tmp_path / "rois-all.csv").read_bytes() == part["rois.csv"].read_bytes()


def test_folds_have_one_row_per_lesion_and_replicate(tmp_path):
    write_folds(rows=[["L1", "", 1, 2], ["L1", "", 2, 1]], folds=tmp_path / "folds.csv")
    assert (tmp_path / "folds.csv").read_text().splitlines() == [
        "lesion_id,patient_id,replicate,fold",
        "L1,,1,2",
        "L1,,2,1",
    ]


def test_jobs_import_heavy_libraries_only_where_they_are_used():
    code = (
        "import sys; from augtrial.jobs import lesion_tables, oracle, phantom, rois, variants;"
        "heavy = ('albumentations', 'cv2', 'scipy', 'SimpleITK', 'torch');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
