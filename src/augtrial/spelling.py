"""The spelling of names: a contrast "a - b", and what a misspelt word may have meant."""

import difflib
import re
from collections.abc import Iterable

SEPARATOR = " - "


def contrast_arms(contrast: str) -> tuple[str, str]:
    """Return the two arms of a contrast "a - b"; the settings refuse arms named with " - "."""
    first, _, second = contrast.partition(SEPARATOR)
    return first.strip(), second.strip()


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word of the nearest spelling, or None where none is near.

    Capitals and marks do not count: "Lesion-ID" is "lesion_id". `cutoff` in [0, 1] is how alike
    the words must be, as `difflib` has it.
    """
    by_letters = {letters(other): other for other in known}
    close = difflib.get_close_matches(letters(word), by_letters, n=1, cutoff=cutoff)
    return by_letters[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the nearest known word, or nothing."""
    close = nearest(word, known)
    return "" if close is None else f"; did you mean '{close}'?"


def hint(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the nearest known word, or what is known."""
    known = list(known)
    return did_you_mean(word, known) or f"; known: {', '.join(known) or 'none'}"


def letters(word: str) -> str:
    """Return a word without capitals and marks."""
    return re.sub(r"[\W_]", "", word.lower())
