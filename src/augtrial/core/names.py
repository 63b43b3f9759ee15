"""Names of endpoints and of the arms in a contrast; the known name nearest to a misspelt one."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

SEPARATOR = " - "
DIFFERENCE, NON_INFERIOR, SUPERIOR = "difference", "non-inferior", "superior"
# What a contrast asks -> what stands between its arms.
QUESTIONS = {
    DIFFERENCE: SEPARATOR,
    NON_INFERIOR: " non-inferior to ",
    SUPERIOR: " superior to ",
}
BY_MARGIN = " by margin"  # may end a contrast that asks for superiority
ONLINE = "online"  # the value of `classic` in an arm that draws new variants in every batch
MIN_LESIONS = 10  # of a class, learnt from and not: with fewer no synthesizer is judged by them
FEATURES = "features"  # the classifier whose features judge the fitness of synthesizers
ORACLE = "oracle"  # the name of the fresh lesions among an arm's samples

# The name of a primary endpoint in the config -> (endpoint, class) in the tables.
PRIMARY_ENDPOINTS = {
    "macro sensitivity": ("sensitivity", "macro"),
    "weighted sensitivity": ("sensitivity", "weighted"),
    "macro specificity": ("specificity", "macro"),
    "weighted specificity": ("specificity", "weighted"),
    "accuracy": ("accuracy", "all"),
    "auc": ("auc", "macro"),
}

# Words that the result tables use in the column of the classes, so that no class may have them.
RESERVED_CLASSES = ("all", "macro", "weighted")


def contrast_arms(contrast: str) -> tuple[str, str]:
    """Return the two arms of a contrast; no arm's name may contain what stands between them."""
    question = contrast_question(contrast)
    minuend, _, subtrahend = contrast.partition(QUESTIONS[question])
    return minuend.strip(), subtrahend.strip().removesuffix(BY_MARGIN).strip()


def contrast_question(contrast: str) -> str:
    """Return what a contrast asks, a key of `QUESTIONS`: a difference if it is none of them."""
    one_sided = (name for name in (NON_INFERIOR, SUPERIOR) if QUESTIONS[name] in contrast)
    return next(one_sided, DIFFERENCE)


def repeated_contrasts(contrasts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each contrast that asks what an earlier one asks, and the earlier one."""
    asked: dict[object, str] = {}
    for contrast in contrasts:
        question, arms = contrast_question(contrast), contrast_arms(contrast)
        key = question, frozenset(arms) if question == DIFFERENCE else arms
        if key in asked:
            yield contrast, asked[key]
        asked.setdefault(key, contrast)


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word with the nearest spelling, or None if no known word is similar.

    Capital letters and punctuation are ignored: "Lesion-ID" equals "lesion_id". `cutoff` in
    [0, 1] is the least similarity, as `difflib` measures it.
    """
    by_letters = {letters(name): name for name in known}
    matches = difflib.get_close_matches(letters(word), by_letters, n=1, cutoff=cutoff)
    return by_letters[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the nearest known word, or "" if none is similar."""
    suggestion = nearest(word, known)
    return "" if suggestion is None else f"; did you mean '{suggestion}'?"


def hint(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the nearest known word, or the list of known words."""
    known = list(known)
    return did_you_mean(word, known) or f"; known: {', '.join(known) or 'none'}"


def letters(word: str) -> str:
    """Return a word in lower case, with letters and digits only."""
    return re.sub(r"[\W_]", "", word.lower())


def first_lines(lines: Sequence[str], most: int) -> list[str]:
    """Return the first lines, and how many more there are."""
    rest = len(lines) - most
    return [*lines[:most], *([f"and {rest} more"] if rest > 0 else [])]


def count(number: int, noun: str) -> str:
    """Return "1 lesion", "2 lesions"."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
