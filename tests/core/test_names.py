import pytest

from augtrial.core.names import contrast_arms, contrast_question, hint, nearest


def test_a_contrast_is_split_at_its_separator():
    assert contrast_arms("classic+dcgan - classic-x") == ("classic+dcgan", "classic-x")


@pytest.mark.parametrize(
    ("contrast", "question"),
    [
        ("gan-x - classic", "difference"),
        ("gan-x non-inferior to classic", "non-inferior"),
        ("gan-x superior to classic by margin", "superior"),
        ("gan-x superior to classic", "superior"),
    ],
)
def test_a_contrast_says_what_it_asks(contrast, question):
    assert contrast_arms(contrast) == ("gan-x", "classic")
    assert contrast_question(contrast) == question


@pytest.mark.parametrize("word", ["lesion-ID", "LesionId", "lesion_idd", "lesion id"])
def test_capitals_and_marks_do_not_count(word):
    assert nearest(word, ["label", "lesion_id", "image"]) == "lesion_id"


def test_what_is_near_nothing_is_told_what_there_is():
    assert nearest("xyz", ["classic", "none"]) is None
    assert hint("xyz", ["classic", "none"]) == "; known: classic, none"
    assert hint("xyz", []) == "; known: none"
    assert hint("clasic", iter(["classic", "none"])) == "; did you mean 'classic'?"
