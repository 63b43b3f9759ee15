"""Tiny phantoms with known truth, shared by the tests."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from augtrial.cohort.readers import LesionSlice
from augtrial.config.load import settings_model
from augtrial.core.registry import synthesizers

torch.set_num_threads(1)
# On a busy machine an example may take long; that is no property of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
SLOW = {"workflow", "project"}  # folders of tests that run Snakemake or a benchmark


def pytest_collection_modifyitems(items):
    """Mark the tests of slow folders; `make test-fast` leaves out all that are marked."""
    for item in items:
        if SLOW & {folder.name for folder in item.path.parents}:
            item.add_marker(pytest.mark.slow)


def disc_slice(
    *, shape=(120, 140), centre=(70.0, 55.0), radius=12.0, inside=20.0, outside=110.0, noise=0.0
) -> LesionSlice:
    """A disc of one HU value in another, with its mask; centre is (x, y)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mask = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2
    pixels = np.where(mask, inside, outside) + noise * np.random.default_rng(0).normal(size=shape)
    return LesionSlice(pixels.astype(np.float32), mask, None, 0.8, None)


@pytest.fixture
def disc():
    return disc_slice()


@pytest.fixture
def register_synthesizer():
    """Return a function that registers a kind of synthesizer for this test alone."""
    added = []
    len(synthesizers)  # the package's own come first

    def register(kind):
        synthesizers.register(kind)
        added.append(kind.name)
        settings_model.cache_clear()
        return kind

    yield register
    for name in added:
        del synthesizers._kinds[name]
    settings_model.cache_clear()


@pytest.fixture(scope="session")
def striped_classes():
    """Images of two classes that any classifier can tell: stripes across and stripes along."""
    rng = np.random.default_rng(3)
    wave = (np.arange(32) // 4 % 2 * 160 + 40).astype(float)
    images = np.empty((80, 32, 32), np.uint8)
    labels = np.arange(80) % 2
    for index, label in enumerate(labels):
        image = (
            np.broadcast_to(wave, (32, 32)) if label else np.broadcast_to(wave[:, None], (32, 32))
        )
        images[index] = np.clip(image + rng.normal(0, 20, (32, 32)), 0, 255)
    return images, labels.astype(np.int64)
