import hashlib
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from scipy.stats import kruskal

from augtrial.cohort.phantom import anatomy
from augtrial.cohort.phantom.cohort import (
    CLASSES,
    MAX_LESIONS,
    _patients,
    cohort_lesions,
    draw_lesions,
    write_cohort,
)
from augtrial.cohort.phantom.lesions import APPEARANCES, DIAMETER_LIMITS_MM, LIVER_HU, draw_lesion
from augtrial.cohort.phantom.patients import Patient
from augtrial.cohort.table import read_table
from augtrial.core.errors import UserError
from augtrial.core.seeds import generator

TINY = {"cyst": 2, "metastasis": 3, "hemangioma": 2}
PAPER = {"cyst": 53, "metastasis": 64, "hemangioma": 65}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, seed=3, classes=TINY)
    return folder


@pytest.fixture(scope="module")
def patients():
    """Every patient of a paper-sized cohort, with no slice drawn."""
    plan = _patients(3, ("cohort",), PAPER)
    return [Patient(3, ("cohort", name), labels) for name, labels in plan]


def digests(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.*"))
    }


def test_same_seed_gives_the_same_bytes_however_many_processes_draw(cohort, tmp_path):
    write_cohort(tmp_path, seed=3, classes=TINY, processes=2)
    assert digests(tmp_path) == digests(cohort)


def test_other_seed_gives_other_images(cohort, tmp_path):
    write_cohort(tmp_path, seed=4, classes={"cyst": 1})
    image = (tmp_path / "images/p001.nii").read_bytes()
    assert image != (cohort / "images/p001.nii").read_bytes()


def test_table_is_of_the_cohorts_lesions_and_their_files_exist(cohort):
    lesions = cohort_lesions(cohort, seed=3, classes=TINY)
    assert read_table(cohort / "lesions.csv").lesions == tuple(lesions)
    files = {lesion.image for lesion in lesions} | {lesion.mask for lesion in lesions}
    assert set(cohort.rglob("*.nii*")) == files
    assert (cohort / "README.md").exists()


def test_mask_and_image_share_geometry_and_the_mask_is_whole(cohort):
    for row in cohort_lesions(Path(), seed=3, classes=TINY):
        image = SimpleITK.ReadImage(str(cohort / row.image))
        mask = SimpleITK.ReadImage(str(cohort / row.mask))
        assert image.GetPixelID() == SimpleITK.sitkInt16
        assert mask.GetPixelID() == SimpleITK.sitkUInt8
        assert image.GetSize() == mask.GetSize()
        assert image.GetSpacing() == mask.GetSpacing()
        assert image.GetOrigin() == mask.GetOrigin()
        inside = SimpleITK.GetArrayFromImage(mask)
        assert set(np.unique(inside)) == {0, 1}
        assert not inside[[0, -1]].any(), "the volume cuts the lesion"


def test_slices_of_a_lesion_shrink_away_from_the_largest(patients):
    patient = max(patients, key=lambda p: max(lesion.reach for lesion, _ in p.lesions))
    placed = max(patient.lesions, key=lambda placed: placed.lesion.reach)
    areas = [int(patient.slice_mask(placed, index).sum()) for index in patient.slices]
    assert len(areas) > 5
    assert patient.slices[int(np.argmax(areas))] == patient.largest_slice(placed)
    top = int(np.argmax(areas))
    slack = 0.02 * areas[top]  # of pixels along the contour, which turns from slice to slice
    assert np.all(np.diff(areas[: top + 1]) > -slack)
    assert np.all(np.diff(areas[top:]) < slack)
    assert areas[0] == areas[-1] == 0


def test_drawn_slice_is_the_slice_of_the_drawn_volume(tmp_path):
    name, labels = _patients(5, ("stream", "s"), TINY)[0]
    patient = Patient(5, ("stream", "s", name), labels)
    patient.write_image(tmp_path / "image.nii")
    patient.write_mask(patient.lesions[0], tmp_path / "mask.nii.gz")
    volume = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "image.nii")))
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "mask.nii.gz"))) > 0
    lesion = next(draw_lesions(seed=5, stream="s", classes=TINY))
    largest = int(np.argmax(mask.sum(axis=(1, 2))))
    assert lesion.patient_id == f"s-{name}"
    assert lesion.pixels.dtype == np.float32
    assert np.array_equal(lesion.pixels, volume[largest])
    assert np.array_equal(lesion.mask, mask[largest])


def test_cyst_of_a_mean_liver_is_water_like_92_hu_below_it():
    rng = generator(0, "test")
    cores = [draw_lesion(rng, "cyst", LIVER_HU[0]).core_hu for _ in range(500)]
    assert np.mean(cores) == pytest.approx(-92, abs=3)


@pytest.mark.parametrize(
    ("label", "mean", "sd"), [("cyst", -92, 26), ("metastasis", -42, 30), ("hemangioma", -31, 52)]
)
def test_contrasts_over_patients_follow_the_measured_ones(label, mean, sd, monkeypatch):
    monkeypatch.setitem(APPEARANCES, label, replace(APPEARANCES[label], flash_share=0.0))
    rng = generator(0, "test")
    lesions = [draw_lesion(rng, label, rng.normal(*LIVER_HU)) for _ in range(2000)]
    cores = [lesion.core_hu for lesion in lesions]
    assert np.mean(cores) == pytest.approx(mean, abs=4)
    assert np.std(cores) == pytest.approx(sd, rel=0.15)


def test_one_hemangioma_in_eight_is_filled_like_its_nodules():
    rng = generator(0, "test")
    lesions = [draw_lesion(rng, "hemangioma", LIVER_HU[0]) for _ in range(2000)]
    like_nodules = [
        abs(lesion.nodules[:, 5].mean() / lesion.core_hu - 1) < 0.1 for lesion in lesions
    ]
    assert np.mean(like_nodules) == pytest.approx(0.125, abs=0.025)
    assert all(3 <= len(lesion.nodules) <= 7 for lesion in lesions)


def test_pixels_show_the_contrast_of_a_cyst_without_noise(monkeypatch):
    monkeypatch.setattr(anatomy, "MOTTLE_HU", 0.0)
    patient = Patient(1, ("cohort", "p001"), ["cyst"])
    patient.scanner = replace(patient.scanner, noise_hu=0.0)
    placed = patient.lesions[0]
    index = patient.largest_slice(placed)
    _, inside = patient._section(placed, index)
    box, _, _ = patient._box(placed)
    deep = np.zeros_like(inside)
    middle = tuple(size // 2 for size in inside.shape)
    deep[middle] = True
    value = patient.slice_hu(index)[box][deep]
    expected = patient.scanner.liver_hu + placed.lesion.core_hu
    assert value == pytest.approx(expected, abs=4)


def test_class_sizes_are_as_asked():
    assert Counter(row.label for row in cohort_lesions(Path(), seed=0, classes=PAPER)) == PAPER
    drawn = Counter(lesion.label for lesion in draw_lesions(seed=0, stream="s", classes=TINY))
    assert drawn == TINY


def test_patients_own_one_to_a_few_lesions_and_some_are_mixed():
    rows = cohort_lesions(Path(), seed=0, classes=PAPER)
    labels = defaultdict(list)
    for row in rows:
        labels[row.patient_id].append(row.label)
    sizes = Counter(map(len, labels.values()))
    assert sizes[1] > 40
    assert sum(sizes[size] for size in range(2, MAX_LESIONS + 1)) > 20
    assert max(sizes) <= MAX_LESIONS
    assert sum(len(set(classes)) > 1 for classes in labels.values()) >= 5


@pytest.mark.parametrize("count", [4, 5, 6, 7, 10, 30])
def test_each_class_has_several_patients_even_when_small(count):
    for seed in range(10):
        rows = cohort_lesions(Path(), seed=seed, classes=dict.fromkeys(CLASSES, count))
        for label in CLASSES:
            owners = {row.patient_id for row in rows if row.label == label}
            assert len(owners) >= max(4, count // 2)


def test_rows_are_cheap():
    cohort_lesions(Path(), seed=0, classes=TINY)
    start = time.process_time()
    cohort_lesions(Path(), seed=0, classes=PAPER)
    assert time.process_time() - start < 0.05


def test_lesions_of_a_patient_do_not_overlap(patients):
    several = [patient for patient in patients if len(patient.lesions) > 1]
    assert len(several) > 20
    for patient in several:
        for first, second in combinations(patient.lesions, 2):
            distance = np.linalg.norm(first.centre - second.centre)
            assert distance > first.lesion.reach + second.lesion.reach


def test_lesions_lie_in_the_liver_and_in_the_field(patients):
    for patient in patients:
        for placed in patient.lesions:
            assert patient.anatomy.liver_depth(placed.centre) > placed.lesion.diameter_mm / 4
            mask = patient.slice_mask(placed, patient.largest_slice(placed))
            assert not mask[[0, -1]].any()
            assert not mask[:, [0, -1]].any()


def test_measured_diameters_keep_to_the_limits(patients):
    low, high = DIAMETER_LIMITS_MM
    for patient in patients:
        for placed in patient.lesions:
            area = patient.slice_mask(placed, patient.largest_slice(placed)).sum()
            diameter = 2 * np.sqrt(area / np.pi) * patient.scanner.pixel_mm
            assert diameter == pytest.approx(placed.lesion.diameter_mm, rel=0.03)
            assert low * 0.97 <= diameter <= high * 1.03


@pytest.mark.parametrize(
    "what", ["pixel_mm", "thickness_mm", "noise_hu", "kernel_mm", "liver_hu", "vessel_hu"]
)
def test_scanner_does_not_tell_the_class(patients, what):
    groups = [
        [getattr(p.scanner, what) for p in patients if p.lesions[0].lesion.label == label]
        for label in CLASSES
    ]
    assert kruskal(*groups).pvalue > 0.01
    assert np.std(np.concatenate(groups)) > 0


def test_place_in_the_image_does_not_tell_the_class(patients):
    """Small lesions only: large ones of any class find room only deep in the liver."""
    places = defaultdict(list)
    for patient in patients:
        for lesion, centre in patient.lesions:
            if lesion.diameter_mm < 25:
                places[lesion.label].append(centre[:2] - patient.scanner.corner_mm)
    for axis in (0, 1):
        groups = [np.array(places[label])[:, axis] for label in CLASSES]
        assert kruskal(*groups).pvalue > 0.01


def test_streams_and_the_cohort_share_no_patient():
    names = (("cohort",), ("stream", "a"), ("stream", "b"))
    liver = [Patient(0, (*name, "p001"), ["cyst"]).scanner.liver_hu for name in names]
    assert len(set(liver)) == len(names)
    a, b = (next(draw_lesions(seed=0, stream=name, classes={"cyst": 1})) for name in "ab")
    assert a.patient_id != b.patient_id
    assert not np.array_equal(a.pixels, b.pixels)


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        ({"adenoma": 3}, "'adenoma' is not a class of the phantom; allowed are cyst, metastasis"),
        ({"cyst": 0}, "cyst has 0 lesions"),
        ({}, "none given"),
    ],
)
def test_wrong_classes_are_reported_with_the_right_ones(classes, says):
    with pytest.raises(UserError, match=says):
        cohort_lesions(Path(), seed=0, classes=classes)
    with pytest.raises(UserError, match=says):
        next(draw_lesions(seed=0, stream="s", classes=classes))


@pytest.mark.parametrize("name", ["p001.nii", "p001.nii.gz"])
def test_a_full_disk_is_reported_and_leaves_no_half_picture(name, tmp_path):
    """ITK itself writes what fits and says nothing."""
    code = """
import resource, sys
from pathlib import Path
from augtrial.cohort.phantom.patients import Patient
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
Patient(3, ("full disk",), ["cyst"]).write_image(Path(sys.argv[1]))
"""
    path = tmp_path / name
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert list(tmp_path.iterdir()) == []
