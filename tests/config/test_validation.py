"""What is wrong between settings: the kinds that they name, and what these use of each other."""

from typing import Literal

import pytest

from augtrial.config.load import read_settings
from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.core.errors import UserError
from augtrial.synthesizers.base import Synthesizer


class UsingSettings(SynthesizerSettings):
    kind: Literal["using"] = "using"
    used: str


class Using(Synthesizer):
    """A synthesizer that is given the networks of one that its settings name."""

    name, Settings = "using", UsingSettings

    def uses(self, settings):
        return [settings.used]


@pytest.fixture(autouse=True)
def kind(register_synthesizer):
    return register_synthesizer(Using)


def config(arms=None, **synthesizers):
    using = {name: {"kind": "using", "used": used} for name, used in synthesizers.items()}
    return {"study": "s", "arms": arms or {"none": {}}, "synthesizers": using}


def problems(config) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_settings(config)
    return caught.value.problems


def test_a_synthesizer_that_uses_an_unknown_one_is_refused_with_the_nearest():
    whole = config(mine="dcgn")
    whole["synthesizers"]["dcgan"] = {"kind": "dcgan"}
    (problem,) = problems(whole)
    assert problem.startswith("synthesizers.mine: uses the unknown synthesizer 'dcgn'")
    assert "did you mean 'dcgan'?" in problem


def test_a_synthesizer_that_uses_itself_is_refused():
    (problem,) = problems(config(mine="mine"))
    assert problem == "synthesizers.mine: uses itself, by mine"


def test_synthesizers_that_use_each_other_in_a_circle_are_refused():
    found = problems(config(a="b", b="c", c="a", d="c"))
    assert [line.split(":")[0] for line in found] == [f"synthesizers.{name}" for name in "abc"]
    assert found[0] == "synthesizers.a: uses itself, by b, c, a"


def test_a_chain_of_synthesizers_is_fine():
    whole = config(a="b", b="dcgan", c="b")
    whole["synthesizers"]["dcgan"] = {"kind": "dcgan"}
    assert set(read_settings(whole).synthesizers) == {"a", "b", "c", "dcgan"}


def test_a_synthesizer_that_only_another_uses_must_fit_the_images_too():
    whole = config(mine="dcgan", arms={"a": {"synthetic": {"mine": 1}}})
    whole["synthesizers"]["dcgan"] = {"kind": "dcgan"}
    found = problems({**whole, "roi": {"size": 32}})
    assert {line.split(":")[0] for line in found} == {
        "synthesizers.dcgan.generator_channels",
        "synthesizers.dcgan.discriminator_channels",
    }
    whole["arms"] = {"none": {}}  # nothing is trained
    assert read_settings({**whole, "roi": {"size": 32}}).arms


def test_an_unknown_kind_is_told_with_those_that_there_are():
    whole = config()
    whole["synthesizers"] = {"mine": {"kind": "dcgn"}}
    (problem,) = problems(whole)
    assert problem == "synthesizers.mine.kind: unknown kind 'dcgn'; did you mean 'dcgan'?"
    whole["synthesizers"] = {"mine": {"epochs": 3}}
    assert problems(whole) == ["synthesizers.mine.kind: give the kind"]


def test_an_arm_may_name_a_kind_without_settings():
    settings = read_settings({"study": "s", "arms": {"a": {"synthetic": {"dcgan": 5}}}})
    assert list(settings.synthesizers) == list(settings.used_synthesizers) == ["dcgan"]
    assert settings.synthesizers["dcgan"].epochs == 70
    curve = {"vary": "acgan", "sizes": [5]}
    settings = read_settings({"study": "s", "arms": {"none": {}}, "curves": {"c": curve}})
    assert settings.synthesizers["acgan"].embedding == 50
    assert read_settings({"study": "s", "arms": {"none": {}}}).synthesizers == {}


def test_settings_with_a_kind_that_was_left_out_survive_being_written_out_whole():
    config = {"study": "s", "arms": {"a": {"synthetic": {"dcgan": 5}}}}
    settings = read_settings(config)
    assert read_settings(settings.model_dump(mode="json")) == settings


def test_an_unknown_task_is_refused_with_the_nearest():
    (problem,) = problems({"study": "s", "arms": {"none": {}}, "task": "clasification"})
    assert problem == "task: unknown task 'clasification'; did you mean 'classification'?"
