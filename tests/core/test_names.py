import pytest

from augtrial.core.names import contrast_arms, hint, nearest


def test_a_contrast_is_split_at_its_separator():
    assert contrast_arms("classic+dcgan - classic-x") == ("classic+dcgan", "classic-x")


@pytest.mark.parametrize("word", ["lesion-ID", "LesionId", "lesion_idd", "lesion id"])
def test_capitals_and_marks_do_not_count(word):
    assert nearest(word, ["label", "lesion_id", "image"]) == "lesion_id"


def test_what_is_near_nothing_is_told_what_there_is():
    assert nearest("xyz", ["classic", "none"]) is None
    assert hint("xyz", ["classic", "none"]) == "; known: classic, none"
    assert hint("xyz", []) == "; known: none"
    assert hint("clasic", iter(["classic", "none"])) == "; did you mean 'classic'?"
