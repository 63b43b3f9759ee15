"""How numbers and names are written for people; free of drawing, so that the report uses it too."""

import math

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"

# The endpoints that figures and report lead with: endpoint, class, its name.
LEADING = (
    ("sensitivity", "macro", "Macro sensitivity"),
    ("specificity", "macro", "Macro specificity"),
    ("accuracy", "all", "Accuracy"),
    ("auc", "macro", "AUC"),
)


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as percent without the sign: 0.786 is "78.6"; NaN is a dash."""
    return NONE if math.isnan(value) else f"{100 * value:.{digits}f}"


def points(value: float, digits: int = 1) -> str:
    """Return a difference of fractions in percentage points, with its sign; zero has none."""
    if math.isnan(value):
        return NONE
    rounded = round(100 * value, digits)
    sign = MINUS if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{abs(rounded):.{digits}f}"


def percent_interval(low: float, high: float) -> str:
    """Return an interval of fractions in percent; empty where there is none."""
    return "" if math.isnan(low) else f"{percent(low)} to {percent(high)}"


def points_interval(low: float, high: float) -> str:
    """Return an interval of differences in percentage points; empty where there is none."""
    return "" if math.isnan(low) else f"{points(low)} to {points(high)}"


def p_value(p: float) -> str:
    """Return a p value with three digits; smaller ones are "< 0.001"."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def detectable_copies(share: float) -> str:
    """Return from which share on copies are found: infinite if none is, NaN is no text."""
    if math.isnan(share):
        return ""
    return "not detectable" if math.isinf(share) else f"{math.ceil(100 * share)} %"


def contrast_name(contrast: str) -> str:
    """Return a contrast "a - b" with a minus sign between its arms."""
    return contrast.replace(" - ", f" {MINUS} ")


def listed(words: list[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shortened(text: str, length: int) -> str:
    """Return the text, or its end behind an ellipsis: ids differ at their ends."""
    return text if len(text) <= length else f"\N{HORIZONTAL ELLIPSIS}{text[1 - length :]}"
