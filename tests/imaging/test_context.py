import numpy as np

from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.imaging.context import read_contexts, write_contexts
from augtrial.imaging.roi import extract_context
from conftest import disc_slice

ROI, CLASSIC = RoiSettings(), ClassicSettings()


def test_contexts_come_back_from_their_file_as_they_were(tmp_path, disc):
    written = [extract_context(disc_slice(radius=r), ROI, CLASSIC) for r in (5, 9)]
    write_contexts(tmp_path / "contexts.npz", written)
    for before, after in zip(written, read_contexts(tmp_path / "contexts.npz"), strict=True):
        np.testing.assert_array_equal(before.pixels, after.pixels)
        np.testing.assert_array_equal(before.region, after.region)
        assert after.region.dtype == bool
        assert (before.frame, before.diameter) == (after.frame, after.diameter)
        assert (before.origin, before.slice_shape) == (after.origin, after.slice_shape)


def test_each_array_of_contexts_is_read_once(tmp_path, disc, monkeypatch):
    """Arrays that every lesion read anew would cost the square of the lesions."""
    write_contexts(tmp_path / "contexts.npz", [extract_context(disc, ROI, CLASSIC)] * 5)
    read, reads = np.lib.format.read_array, []
    monkeypatch.setattr(
        np.lib.format, "read_array", lambda *args, **more: reads.append(1) or read(*args, **more)
    )
    list(read_contexts(tmp_path / "contexts.npz"))
    assert len(reads) == 2 * 5 + 4  # pixels and region of each, and their geometry
