import numpy as np
import pytest

from augtrial.core.errors import UserError
from augtrial.pipeline.study import Study
from synthesizer_fold import SynthesizerFold, samples
from tiny_fold import CLASSES

FLOW = {"kind": "flow", "classic": "online", "channels": [16, 16], "updates": 4, "batch": 4}


@pytest.fixture
def fold(tmp_path, striped_classes):
    """Return a fold whose paste and flow are there already."""
    fold = SynthesizerFold(tmp_path, *striped_classes)
    fold.train("lesion_paste", {"kind": "lesion_paste", "classic": "online", "variants": 2})
    fold.train("flow", {**FLOW, "steps": 4, "snapshots": 1})
    return fold


def refined(fold, start, **options):
    settings = {"kind": "paste_flow", "classic": 0, "start": start}
    return fold.train("mine", settings, others=["lesion_paste", "flow"], **options)


def test_the_earlier_the_time_the_more_is_refined(fold):
    kept = samples(refined(fold, 0.999))
    little, much = samples(refined(fold, 0.95)), samples(refined(fold, 0.1))
    for label in CLASSES:
        pictures = kept[f"images/{label}"].astype(float)
        changes = [np.abs(each[f"images/{label}"] - pictures).mean() for each in (little, much)]
        assert changes[0] < changes[1] / 2


def test_fewer_images_are_the_head_of_more(fold):
    few = samples(refined(fold, 0.5, samples=5))
    more = samples(refined(fold, 0.5, samples=70))
    for label in CLASSES:
        np.testing.assert_array_equal(few[f"images/{label}"], more[f"images/{label}"][:5])


def test_a_study_without_its_flow_is_told():
    arms = {"none": {}, "refined": {"synthetic": {"paste_flow": 5}}}
    synthesizers = {"paste_flow": {"kind": "paste_flow", "flow": "flwo"}}
    with pytest.raises(UserError, match="unknown synthesizer 'flwo'"):
        Study.from_config({"study": "s", "arms": arms, "synthesizers": synthesizers})
