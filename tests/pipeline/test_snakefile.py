from types import SimpleNamespace

import pytest

from augtrial.core.errors import UserError
from augtrial.pipeline.snakefile import _command, _take_repair
from augtrial.pipeline.study import Study

CONFIG = {"study": "s", "arms": {"none": {}}}


def workflow(**values):
    """A workflow with these values after --config."""
    return SimpleNamespace(config_settings=SimpleNamespace(config=values), overwrite_configfiles=[])


@pytest.mark.parametrize(
    ("value", "repair"), [(True, True), ("true", True), (False, False), ("false", False)]
)
def test_repair_is_a_word_of_the_command_line_and_no_setting(value, repair):
    config = {**CONFIG, "repair": value}
    assert _take_repair(workflow(repair=value), config) == (repair, CONFIG)
    assert _take_repair(workflow(), CONFIG) == (False, CONFIG)
    assert "repair" not in _command(workflow(repair=value, seed=2))


def test_repair_in_a_config_file_is_refused_as_any_unknown_key():
    repair, config = _take_repair(workflow(), {**CONFIG, "repair": True})
    assert not repair
    with pytest.raises(UserError, match="repair"):
        Study.from_config(config)


def test_repair_is_true_or_left_out():
    with pytest.raises(UserError, match="repair=maybe"):
        _take_repair(workflow(repair="maybe"), {**CONFIG, "repair": "maybe"})
