from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from augtrial.config.load import read_settings, read_settings_file, settings_model
from augtrial.config.reference import reference
from augtrial.core.errors import UserError
from augtrial.core.names import contrast_arms

ROOT = Path(__file__).parents[2]
SMALLEST = {"study": "s", "arms": {"none": {}, "classic": {"classic": 100}}}


def problems(**changes) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_settings({**SMALLEST, **changes})
    return caught.value.problems


def test_what_is_left_out_has_the_papers_value():
    synthetic = {"dcgan": 1, "acgan": 1}
    settings = read_settings({**SMALLEST, "arms": {"none": {}, "gan": {"synthetic": synthetic}}})
    assert settings.classic.number == 480
    assert settings.classifier.channels == [32, 64, 128]
    assert settings.classifier.budget.epochs == 150
    assert settings.synthesizers["dcgan"].epochs == 70
    assert settings.synthesizers["acgan"].learning_rate == 0.0001
    assert settings.folds.number == 3


def test_an_unknown_key_is_refused_with_the_nearest_spelling():
    (problem,) = problems(classic={"rotation": 3})
    assert "classic.rotation" in problem
    assert "'n_rotations'" in problem


def test_an_unknown_key_of_a_named_synthesizer_is_found_in_its_own_network():
    (problem,) = problems(synthesizers={"mine": {"kind": "acgan", "embeding": 3}})
    assert problem.startswith("synthesizers.mine.embeding: unknown key")
    assert "'embedding'" in problem


def test_all_problems_are_told_at_once():
    found = problems(sed=1, roi={"margin": "wide"}, classifier={"dropout": 2})
    assert len(found) == 3


def test_an_arm_that_names_an_unknown_synthesizer_is_refused():
    (problem,) = problems(arms={"a": {"classic": 1, "synthetic": {"dcgn": 5}}})
    assert "unknown synthesizer 'dcgn'" in problem
    assert "'dcgan'" in problem


@pytest.mark.parametrize("key", ["classic", "synthetic"])
@given(size=st.integers(max_value=-1))
def test_negative_sizes_are_refused(key, size):
    arm = {"classic": size} if key == "classic" else {"synthetic": {"dcgan": size}}
    assert any(f"arms.a.{key}" in problem for problem in problems(arms={"a": arm}))


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"synthetic": {"dcgan": 0}}, "its training set is empty"),
        ({"synthetic": {"dcgan": {"cyst": 0}}, "duplicates": 5}, "its training set is empty"),
    ],
)
def test_an_arm_without_images_is_told(arm, words):
    (problem,) = problems(arms={"none": {}, "a": {"originals": False, **arm}})
    assert words in problem


def test_a_study_of_baselines_alone_is_refused():
    (problem,) = problems(arms={"size": {"baseline": "size"}})
    assert "at least one arm must train a network" in problem


def test_more_synthetic_images_than_are_drawn_are_refused():
    arms = {"a": {"synthetic": {"dcgan": {"cyst": 4001}}}}
    curves = {"c": {"vary": "acgan", "sizes": [10, 5000]}}
    found = problems(arms=arms, curves=curves)
    assert [line.split(":")[0] for line in found] == ["arms.a", "curves.c"]
    assert "synthesizers.dcgan.samples" in found[0]


def test_a_contrast_of_an_unknown_arm_is_refused():
    (problem,) = problems(contrasts=["clasic - none"])
    assert "'clasic'" in problem
    assert "'classic'" in problem


@pytest.mark.parametrize("between", ["-", "non-inferior to", "superior to"])
def test_a_name_with_the_words_between_arms_is_refused(between):
    (problem,) = problems(arms={f"a {between} b": {}})
    assert f"' {between} ' stands between the arms of a contrast" in problem


def test_a_contrast_in_one_direction_names_arms_as_others_do():
    arms = {"arms": {"none": {}, "new": {"classic": 7}}}
    for contrast in ("new non-inferior to none", "new superior to none by margin"):
        assert read_settings({**SMALLEST, **arms, "contrasts": [contrast]}).contrasts == [contrast]
    (problem,) = problems(**arms, contrasts=["new superior to non by margin"])
    assert "unknown arm 'non'; did you mean 'none'?" in problem
    (problem,) = problems(**arms, contrasts=["new better than none"])
    assert "should read 'arm - arm'" in problem


def test_the_primary_contrast_is_the_first_unless_another_one_is_named():
    names = ["new - none", "none non-inferior to new"]
    whole = {**SMALLEST, "arms": {"none": {}, "new": {"classic": 7}}, "contrasts": names}
    assert read_settings(whole).primary_contrast == names[0]
    assert read_settings({**whole, "primary": names[1]}).primary_contrast == names[1]
    assert read_settings(SMALLEST | {"contrasts": []}).primary_contrast == ""
    (problem,) = problems(**{**whole, "primary": "new-none"})
    assert problem == ("primary: 'new-none' is none of the contrasts; did you mean 'new - none'?")


@pytest.mark.parametrize("again", ["new - none", "none - new", "new  - none"])
def test_a_contrast_that_asks_what_another_one_asks_is_refused(again):
    arms = {"none": {}, "new": {"classic": 7}}
    (problem,) = problems(arms=arms, contrasts=["new - none", again])
    assert problem == f"contrasts: '{again}' repeats 'new - none': keep one"


def test_a_built_in_cohort_of_one_class_is_refused():
    (problem,) = problems(cohort={"phantom": {"classes": {"cyst": 30}}})
    assert problem == "cohort.phantom.classes: give at least two (got cyst)"


def test_a_shared_synthesizer_and_several_splits_are_refused():
    (problem,) = problems(share_synthesizer=True, folds={"split": "each"})
    assert "share_synthesizer" in problem


def test_a_budget_in_both_units_is_refused():
    (problem,) = problems(classifier={"budget": {"epochs": 1, "updates": 1}})
    assert "one of epochs and updates" in problem


def test_networks_of_another_size_than_the_roi_are_refused():
    arms = {"a": {"synthetic": {"dcgan": 1}}}
    assert all("roi.size is 32" in problem for problem in problems(roi={"size": 32}, arms=arms))


@pytest.mark.parametrize("name", ["a/b", "a.b", "", " a"])
def test_names_that_cannot_be_file_names_are_refused(name):
    assert problems(arms={name: {}})
    assert problems(study=name)


def test_a_file_that_is_no_yaml_is_named(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("study: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"broken\.yaml is not valid YAML"):
        read_settings_file(path)


@pytest.mark.parametrize(
    "text", ["margin: 0.05\nmargin: 0.03\n", "arms:\n  a: {classic: 1}\n  a: {classic: 2}\n"]
)
def test_a_key_that_stands_twice_in_a_file_is_refused_with_its_line(tmp_path, text):
    path = tmp_path / "twice.yaml"
    path.write_text(f"study: s\n{text}", encoding="utf-8")
    with pytest.raises(UserError, match="stands here a second time: keep one") as caught:
        read_settings_file(path)
    assert f"line {text.count(chr(10)) + 1}" in str(caught.value)


def test_keys_of_a_group_that_is_referred_to_may_be_replaced(tmp_path):
    path = tmp_path / "merged.yaml"
    text = "study: s\narms:\n  a: &a {classic: 5}\n  b: {<<: *a, classic: 6}\n"
    path.write_text(text, encoding="utf-8")
    assert read_settings_file(path).arms["b"].classic == 6


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))], ids=lambda p: p.name
)
def test_every_config_of_the_repository_is_valid(path):
    assert read_settings_file(path).arms


def test_config_yaml_states_every_key_and_keeps_the_papers_values():
    given_values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    settings = read_settings(given_values)
    model = settings_model()
    defaults = model(study="x", arms={"none": {}})
    named = {
        "study",
        "note",
        "arms",
        "curves",
        "contrasts",
        "embedding",
        "subsets",
        "synthesizers",
    }  # nothing to inherit
    for key, field in model.model_fields.items():
        assert key in given_values, f"config.yaml lacks {key}"
        value = getattr(settings, key)
        if key == "classifier":
            assert set(given_values[key]) == set(type(value).model_fields)
            # equal updates; the paper's equal epochs are arms of their own
            assert value.budget.updates > max(value.eval_updates)
            own = {"budget": defaults.classifier.budget, "eval_updates": []}
            value = value.model_copy(update=own)
        if key not in named:
            assert value == getattr(defaults, key), key
        if hasattr(field.default, "model_fields_set") and key != "cohort":
            assert value.model_fields_set == set(type(value).model_fields), key
    for name, synthesizer in settings.synthesizers.items():
        assert synthesizer.model_fields_set == set(type(synthesizer).model_fields), name
        assert synthesizer == type(synthesizer)(), name


def test_config_yaml_holds_every_control():
    settings = read_settings(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    arms = settings.arms.values()
    assert any(arm.extra_classic for arm in arms)
    assert any(arm.duplicates for arm in arms)
    assert any(arm.oracle for arm in arms)
    assert any(arm.classic == "online" for arm in arms)
    assert any(arm.synthetic and not arm.originals and not arm.classic for arm in arms)
    assert any(arm.budget and arm.budget.epochs == 150 for arm in arms)
    assert set(settings.baselines.values()) == {"hand-crafted", "size", "spectrum"}
    assert settings.positive_controls == ["classic+oracle - classic"]
    for contrast in settings.contrasts:
        for arm in contrast_arms(contrast):
            assert settings.arms[arm].budget is None  # equal updates


def test_the_reference_page_is_up_to_date():
    page = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert page == reference(), "run `make docs`"


def test_a_baseline_takes_no_other_key_and_survives_being_written_out_whole():
    config = {"study": "x", "arms": {"none": {}, "size": {"baseline": "size"}}}
    whole = read_settings(config).model_dump(mode="json")
    assert read_settings(whole).baselines == {"size": "size"}
    config["arms"]["size"]["classic"] = 10
    with pytest.raises(UserError, match="takes no other key"):
        read_settings(config)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"classifier": {"learning_rate": float("inf")}}, "classifier.learning_rate"),
        ({"roi": {"window": [float("nan"), 1]}}, "roi.window.0"),
    ],
)
def test_a_number_that_is_not_finite_is_refused(change, key):
    with pytest.raises(UserError, match=rf"{key}: input should be a finite number"):
        read_settings({"study": "x", "arms": {"none": {}}, "contrasts": [], **change})
