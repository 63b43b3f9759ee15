"""Second networks: jobs that train without some lesions, by which fitness is judged."""

import numpy as np
import pytest

from augtrial.core.io import read_json
from augtrial.jobs.synthesizers import read_networks
from small_networks import SMALL_GAN
from synthesizer_fold import SynthesizerFold, samples

KINDS = {
    "dcgan": {**SMALL_GAN, "kind": "dcgan", "epochs": 2},
    "acgan": {**SMALL_GAN, "kind": "acgan", "epochs": 2},
    "cgan": {**SMALL_GAN, "kind": "cgan", "updates": 4},
    "flow": {"kind": "flow", "channels": [16], "updates": 3, "batch": 4},
    "lesion_paste": {"kind": "lesion_paste", "classic": "online"},
    "mixup": {"kind": "mixup", "classic": "online"},
}


@pytest.fixture
def fold(tmp_path, striped_classes):
    return SynthesizerFold(tmp_path, *striped_classes)


@pytest.mark.parametrize(
    ("name", "classic"),
    [
        *(("dcgan", 8), ("dcgan", "online"), ("acgan", 8), ("cgan", "online"), ("flow", "online")),
        *(("lesion_paste", "online"), ("mixup", 8), ("mixup", "online")),
    ],
)
def test_a_second_network_has_seen_none_of_the_lesions_that_it_is_judged_by(fold, name, classic):
    settings = {**KINDS[name], "classic": classic}
    aside = [f"L{number}" for number in fold.index[::4]]
    first = fold.train(name, settings)
    second = fold.train(name, settings, into="fitness", without=aside)
    known = read_json(second / "networks.json")["trained_on"]
    assert set(known) == {f"L{number}" for number in fold.index} - set(aside)
    # Other pictures of these lesions change nothing.
    before = samples(second)
    for part in fold.parts:
        with np.load(part / "rois.npz") as arrays:
            rois = dict(arrays)
        out = np.isin(rois["lesion_id"], aside)
        rois["images"][out] = 255 - rois["images"][out]
        np.savez(part / "rois.npz", **rois)
        variants = np.load(part / "variants.npy")
        variants[out] = 7
        np.save(part / "variants.npy", variants)
        with np.load(part / "contexts.npz") as arrays:
            contexts = dict(arrays)
        for number in np.flatnonzero(out):
            contexts[f"pixels{number}"] = 1 - contexts[f"pixels{number}"]
        np.savez(part / "contexts.npz", **contexts)
    after = samples(fold.train(name, settings, into="changed", without=aside))
    assert before.keys() == after.keys()
    for key in before:
        np.testing.assert_array_equal(before[key], after[key])
    assert not np.array_equal(samples(first)["images/across"], before["images/across"])


def test_a_second_network_is_trained_for_as_many_updates(fold):
    settings = {**KINDS["dcgan"], "classic": 12, "epochs": 6, "batch": 4}
    aside = [f"L{number}" for number in fold.index[::3]]
    updates = []
    for into, without in (("fold1", []), ("fitness", aside)):
        folder = fold.train("dcgan", settings, into=into, without=without)
        history = (folder / "history.csv").read_text(encoding="utf-8").splitlines()
        columns = history[0].split(",")
        updates.append(int(float(history[-1].split(",")[columns.index("update")])))
    assert updates[1] == pytest.approx(updates[0], rel=0.15)
    assert set(read_networks(fold.folder / "fitness/dcgan/networks.pt")) == {"across", "along"}
