"""The protocol of a study as one page of Markdown, from its lock alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from augtrial.core.names import (
    DIFFERENCE,
    NON_INFERIOR,
    SUPERIOR,
    contrast_arms,
    contrast_question,
    count,
)
from augtrial.reporting.figures.wording import MINUS, contrast_name, listed
from augtrial.statistics.verdicts import (
    BEYOND,
    CANNOT_TELL,
    CONTROL,
    EXPLORATORY,
    GAIN,
    LOSS,
    MIN_REPLICATES,
    NO_DIFFERENCE,
    NO_VERDICT,
    PRIMARY,
    SMALL,
)

Values = Mapping[str, Any]


def protocol(lock: Values) -> str:
    """Return the protocol page of a lock (`pipeline.registration`), for a co-author or a registry.

    It says what is compared, with which numbers, and how the verdicts are decided.
    """
    values = {name: entry["value"] for name, entry in lock["entries"].items()}
    parts = [_head(lock), _cohort(values, lock["words"]), _arms(values, lock["words"])]
    parts += [_contrasts(values), _verdicts(values), _hashes(lock)]
    return "\n\n".join(parts) + "\n"


def _head(lock: Values) -> str:
    when = "No predictions were in the results folder."
    if lock["first_predictions"]:
        when = (
            f"**Written after results existed** (predictions of {lock['first_predictions']}): this "
            "is no registration before the run."
        )
    return (
        f"# Protocol of the study {lock['study']}\n\nWritten by `augtrial lock` on {lock['date']}; "
        f"lock {lock['hash']}. {when}"
    )


def _cohort(values: Values, words: Values) -> str:
    cohort, folds, replicates = values["cohort"], values["folds"], values["replicates"]
    classes = listed([f"{number} {label}" for label, number in cohort["classes"].items()])
    patients = count(cohort["patients"], "patient") if cohort["patients"] else "unknown patients"
    drawn = f"by {'patient' if cohort['patients'] else 'lesion'}, stratified by class"
    splits = {
        "given": "given by the lesion table; all replicates use them",
        "one": f"{drawn}; all replicates use one split",
        "each": f"{drawn}; each replicate has its own split",
    }
    given = (
        f" All verdicts hold given {words['conditional_on']}." if words["conditional_on"] else ""
    )
    return (
        f"## Cohort\n\n{count(cohort['lesions'], 'lesion')} of {patients} ({classes}): lesion "
        f"table `{words['table']}`, {cohort['rows']}. {count(folds['number'], 'fold')}, "
        f"{splits[folds['split']]}. {count(replicates, 'replicate')} of the whole procedure, seed "
        f"{values['seed']}.{given}"
    )


def _arms(values: Values, words: Values) -> str:
    rest = count(values["folds"]["number"] - 1, "fold")
    lines = ["## What is compared", "", f"Sizes per fold; a network learns from {rest}.", ""]
    lines += ["| arm | training set | images of a network |", "|---|---|---|"]
    for arm, recipe in words["arms"].items():
        text = recipe.replace("|", r"\|")  # of a class's name
        lines.append(f"| {arm} | {text} | {words['images'][arm]:,} |")
    lines += ["", f"- classifier: {words['classifier']}"]
    lines += [f"- {name}: {text}" for name, text in words["synthesizers"].items()]
    return "\n".join(lines)


def _contrasts(values: Values) -> str:
    level, roles = f"{100 * (1 - values['confidence']):.3g} %", values["contrasts"]
    if not roles:
        return "## Contrasts\n\nNone: the study gives no verdict."
    lines = ["## Contrasts", "", "| contrast | role | question |", "|---|---|---|"]
    for contrast, role in roles.items():
        name = f"**{contrast_name(contrast)}**" if role == PRIMARY else contrast_name(contrast)
        lines.append(f"| {name} | {role} | {_question(contrast)} |")
    lines += [
        "",
        f"The {PRIMARY} contrast decides the study and is tested at the full level, {level}. A "
        f"{CONTROL} checks the design, at the full level too. The others are adjusted among "
        f"themselves (Holm), and are {EXPLORATORY} unless the primary p is below the level.",
    ]
    return "\n".join(lines)


def _question(contrast: str) -> str:
    (a, b), question = contrast_arms(contrast), contrast_question(contrast)
    if question == NON_INFERIOR:
        return f"is {a} worse than {b} by less than the margin? (one-sided)"
    if question == SUPERIOR:
        return f"is {a} better than {b} by more than the margin? (one-sided)"
    return f"does {a} differ from {b}? (two-sided)"


def _verdicts(values: Values) -> str:
    margin = f"{100 * values['margin']:g}"
    reason = " ".join(values["margin_reason"].split()) or "no reason was given"
    questions = {contrast_question(contrast) for contrast in values["contrasts"]}
    lines = [
        "## Endpoint, margin and verdicts",
        "",
        f"Primary endpoint: {values['primary_endpoint']}, computed in each replicate and averaged. "
        f"Margin, the smallest relevant difference: {margin} points ({reason}). "
        f"{100 * values['confidence']:g} % intervals and p values take patients and replicates as "
        "random, and are paired by both (multi-reader multi-case; docs/statistics.md).",
        "",
        "| verdict | when |",
        "|---|---|",
    ]
    meanings = dict(_meanings(margin, questions))
    return "\n".join([*lines, *(f"| {word} | {when} |" for word, when in meanings.items())])


def _meanings(margin: str, questions: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each verdict and when it is given, as `statistics.verdicts.decide` has it."""
    inside = f"the whole interval is between {MINUS}{margin} and +{margin} points"
    if DIFFERENCE in questions:
        for word, side, end in ((GAIN, "above", "+"), (LOSS, "below", MINUS)):
            yield (
                BEYOND[word],
                f"p is below the level, the whole interval {side} {end}{margin} points",
            )
            yield word, f"p is below the level, the difference {side} 0, and no other line fits"
            yield SMALL[word], f"p is below the level, the difference {side} 0, and {inside}"
        yield NO_DIFFERENCE, f"p is not below the level, and {inside}"
    for question, null in ((NON_INFERIOR, MINUS), (SUPERIOR, "+")):
        if question in questions:
            yield (
                question,
                f"the difference is above {null}{margin} points: one-sided, half the level",
            )
            yield BEYOND[LOSS], f"the whole interval is below {MINUS}{margin} points"
    yield CANNOT_TELL, "in all other cases: the study is too small for its question"
    yield (
        NO_VERDICT,
        f"fewer than {MIN_REPLICATES} replicates, a network that did not converge, or an endpoint "
        "or interval that cannot be estimated",
    )


def _hashes(lock: Values) -> str:
    listing = ", ".join(f"{name} {entry['hash']}" for name, entry in lock["entries"].items())
    return f"## Hashes\n\nCode: {lock['entries']['code']['value']}. All entries: {listing}."
