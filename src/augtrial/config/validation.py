"""What is wrong with settings, in words: unknown keys, wrong values, contradictions."""

import re
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from augtrial.config.arms import Arm
from augtrial.config.classifier import Budget
from augtrial.config.settings import Settings
from augtrial.config.types import models_in, plain
from augtrial.core.names import (
    ORACLE,
    QUESTIONS,
    SEPARATOR,
    contrast_arms,
    hint,
    repeated_contrasts,
)
from augtrial.core.registry import synthesizers, tasks


def validation_problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each thing that pydantic refused, in this project's words."""
    lines: dict[str, str] = {}  # a value that fits neither of two types is one problem
    for item in error.errors():
        path, owner = _walk(item["loc"], model)
        key = ".".join(path)
        if key not in lines:
            lines[key] = f"{key}{_in_words(item, path, owner)}"
    return list(lines.values())


def _in_words(item: Any, path: list[str], owner: type[BaseModel] | None) -> str:
    if item["type"] == "extra_forbidden":
        return f": unknown key '{path[-1]}'{hint(path[-1], owner.model_fields if owner else ())}"
    if item["type"] == "missing":
        return ": is missing and has no default"
    if item["type"] == "union_tag_invalid":
        kind, known = item["ctx"]["tag"], re.findall(r"'(\w+)'", item["ctx"]["expected_tags"])
        return f".kind: unknown kind '{kind}'{hint(kind, known)}"
    if item["type"].startswith("union_tag"):
        return ".kind: give the kind"
    if item["type"] == "string_pattern_mismatch":
        return (
            f": the name '{item['input']}' may hold letters, digits, '_', '-', '+' and spaces "
            "only, and starts with a letter or digit, since it becomes a file name"
        )
    message, value = item["msg"].removeprefix("Value error, "), item["input"]
    shown = type(value).__name__ if isinstance(value, dict | list) else repr(value)
    return f": {message[0].lower()}{message[1:]} (got {shown})"


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], Any]:
    """Return the user's path to what pydantic names, and the model that owns it.

    pydantic's path also holds the tags of unions and the names of types, which are no keys.
    """
    path: list[str] = []
    owner: Any = model
    here: Any = model
    for part in loc:
        here = plain(here)
        models = [] if typing.get_origin(here) in (list, dict) else models_in(here)
        if typing.get_origin(here) is dict:
            here = typing.get_args(here)[1]
        elif len(models) > 1:  # a tag of the union: no key of the user's
            here = next(m for m in models if m.model_fields["kind"].default == part)
            owner = here
            continue
        elif models and isinstance(part, str):
            owner = models[0]
            field = owner.model_fields.get(part)
            here = field.annotation if field else None
        elif not isinstance(part, int):
            continue  # the name of a type in a union of plain types
        path.append(str(part))
    return path or [""], owner


def cross_problems(settings: Settings) -> list[str]:
    """Return one line for each contradiction between settings that are valid one by one."""
    checks = [_single_problems, _network_problems, _budget_problems, _arm_problems]
    checks += [_curve_problems, _subset_problems, _contrast_problems]
    return [problem for check in checks for problem in check(settings)]


def _single_problems(settings: Settings) -> Iterable[str]:
    low, high = settings.roi.window
    if low >= high:
        yield f"roi.window: the lower value comes first (got [{low:g}, {high:g}])"
    low, high = settings.classic.scale_range
    if low > high:
        yield f"classic.scale_range: the lower value comes first (got [{low:g}, {high:g}])"
    if settings.share_synthesizer and settings.folds.split == "each":
        yield (
            "share_synthesizer: a shared synthesizer would have seen lesions that another "
            "replicate's split holds out; set folds.split to one, or do not share the "
            "synthesizers"
        )
    cohort = settings.cohort
    if cohort.table == "phantom" and len(cohort.phantom.classes) == 1:
        yield f"cohort.phantom.classes: give at least two (got {', '.join(cohort.phantom.classes)})"
    for name in settings.figures.order:
        if name not in settings.arms:
            yield f"figures.order: unknown arm '{name}'{hint(name, settings.arms)}"


def _network_problems(settings: Settings) -> Iterable[str]:
    if settings.task not in tasks:
        yield f"task: unknown task '{settings.task}'{hint(settings.task, tasks)}"
        return
    size, trained = settings.roi.size, set(settings.used_synthesizers)
    trained |= {used for name in settings.used_synthesizers for used in _all_used(settings, name)}
    for problem in tasks[settings.task].problems(settings.classifier, size):
        yield f"classifier.{problem}"
    for name, synthesizer in settings.synthesizers.items():
        kind = synthesizers[synthesizer.kind]
        if name in trained:
            yield from (f"synthesizers.{name}.{p}" for p in kind.problems(synthesizer, size))
        for used in kind.uses(synthesizer):
            if used not in settings.synthesizers:
                known = hint(used, settings.synthesizers)
                yield f"synthesizers.{name}: uses the unknown synthesizer '{used}'{known}"
        if name in _all_used(settings, name):
            yield f"synthesizers.{name}: uses itself, by {', '.join(_all_used(settings, name))}"


def _all_used(settings: Settings, name: str) -> list[str]:
    """Return the synthesizers that one uses, and those that these use."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        synthesizer = settings.synthesizers.get(waiting.pop())
        uses = synthesizers[synthesizer.kind].uses(synthesizer) if synthesizer else ()
        new = [used for used in uses if used not in found]
        found, waiting = found + new, waiting + new
    return found


def _budget_problems(settings: Settings) -> Iterable[str]:
    budgets: dict[str, Budget | None] = {"classifier.budget": settings.classifier.budget}
    budgets |= {f"arms.{name}.budget": arm.budget for name, arm in settings.arms.items()}
    budgets |= {f"curves.{name}.budget": curve.budget for name, curve in settings.curves.items()}
    for key, budget in budgets.items():
        if budget is not None and (budget.epochs is None) == (budget.updates is None):
            yield f"{key}: give one of epochs and updates"


def _arm_problems(settings: Settings) -> Iterable[str]:
    if not settings.trained_arms:
        yield "arms: all are baselines; at least one arm must train a network"
    for name, arm in settings.arms.items():
        for between in QUESTIONS.values():
            if between in name:
                yield f"arms.{name}: '{between}' stands between the arms of a contrast"
        for synthesizer in arm.synthetic:
            if synthesizer not in settings.synthesizers:
                known = hint(synthesizer, _synthesizer_names(settings))
                yield f"arms.{name}.synthetic: unknown synthesizer '{synthesizer}'{known}"
            elif (most := _most(arm, synthesizer)) > settings.synthesizers[synthesizer].samples:
                yield _too_few(f"arms.{name}", synthesizer, most, settings)
        if arm.baseline and arm != type(arm)(baseline=arm.baseline):
            yield f"arms.{name}: a baseline trains on the lesions' own ROIs and takes no other key"
        real = any((arm.originals, arm.classic, arm.extra_classic, arm.oracle))
        if not real and not any(_most(arm, synthesizer) for synthesizer in arm.synthetic):
            yield f"arms.{name}: its training set is empty"
        if arm.transforms and not arm.classic:
            yield f"arms.{name}.transforms: there are no classic variants to transform"
        if arm.transforms and arm.extra_classic:
            yield f"arms.{name}.extra_classic: further transforms would leave these as they are"
        if arm.classic == "online" and (arm.transforms or arm.extra_classic or arm.duplicates):
            yield (
                f"arms.{name}.classic: variants drawn online are never stored, so that "
                "transforms, extra_classic and duplicates cannot be used"
            )
        if arm.oracle and settings.cohort.table != "phantom" and not settings.oracle.table:
            yield (
                f"arms.{name}.oracle: fresh lesions come from a second lesion table; name it "
                "in oracle.table, or leave this arm and its contrasts out"
            )
    if ORACLE in settings.synthesizers:
        yield f"synthesizers.{ORACLE}: an arm's key '{ORACLE}' has this name; choose another"
    for name, values in settings.synthesizers.items():
        if values.classic and not settings.classic.number:
            yield f"synthesizers.{name}.classic: classic makes no variants"


def _synthesizer_names(settings: Settings) -> list[str]:
    """Return the names that an arm may draw on: the settings' own, and those of all kinds."""
    return list(dict.fromkeys([*settings.synthesizers, *synthesizers]))


def _most(arm: Arm, synthesizer: str) -> int:
    wanted = arm.synthetic[synthesizer]
    return wanted if isinstance(wanted, int) else max(wanted.values(), default=0)


def _too_few(key: str, synthesizer: str, wanted: int, settings: Settings) -> str:
    return (
        f"{key}: {wanted} images per class and fold are more than the "
        f"{settings.synthesizers[synthesizer].samples} that are drawn; raise "
        f"synthesizers.{synthesizer}.samples (it is not trained again)"
    )


def _curve_problems(settings: Settings) -> Iterable[str]:
    for name, curve in settings.curves.items():
        most = max(curve.sizes, default=0)
        if curve.vary == "classic":
            if curve.classic:
                yield f"curves.{name}.classic: this curve varies the classic size itself"
        elif curve.vary not in settings.synthesizers:
            known = hint(curve.vary, ["classic", *_synthesizer_names(settings)])
            yield f"curves.{name}.vary: unknown synthesizer '{curve.vary}'{known}"
        elif most > settings.synthesizers[curve.vary].samples:
            yield _too_few(f"curves.{name}", curve.vary, most, settings)
        if not curve.sizes or sorted(set(curve.sizes)) != list(curve.sizes):
            yield f"curves.{name}.sizes: give increasing sizes (got {curve.sizes})"


def _subset_problems(settings: Settings) -> Iterable[str]:
    fractions, percents = settings.subsets.fractions, settings.subsets.percents
    if sorted(set(percents)) != percents:
        yield f"subsets.fractions: give increasing ones, in whole percent (got {fractions})"
    for name in settings.subsets.arms:
        if name not in settings.arms:
            yield f"subsets.arms: unknown arm '{name}'{hint(name, settings.arms)}"
        elif name in settings.baselines:
            yield f"subsets.arms: '{name}' is a baseline and trains no network"
    if fractions and not (settings.subsets.arms or settings.contrasts):
        yield "subsets.arms: name the arms to train on subsets, or a contrast"


def _contrast_problems(settings: Settings) -> Iterable[str]:
    for contrast in settings.contrasts:
        if not any(between in contrast for between in QUESTIONS.values()):
            yield f"contrasts: '{contrast}' should read 'arm{SEPARATOR}arm'"
            continue
        for arm in contrast_arms(contrast):
            if arm not in settings.arms:
                yield f"contrasts: '{contrast}': unknown arm '{arm}'{hint(arm, settings.arms)}"
    for contrast, earlier in repeated_contrasts(settings.contrasts):
        yield f"contrasts: '{contrast}' repeats '{earlier}': keep one"
    if settings.primary and settings.primary not in settings.contrasts:
        known = hint(settings.primary, settings.contrasts)
        yield f"primary: '{settings.primary}' is none of the contrasts{known}"
    for arm in settings.embedding.arms:
        if arm in settings.baselines:
            yield f"embedding.arms: '{arm}' is a baseline and has no network to show"
        if arm not in settings.arms:
            yield f"embedding.arms: unknown arm '{arm}'{hint(arm, settings.arms)}"
    arm = settings.fidelity.arm
    if arm and arm not in settings.trained_arms:
        yield f"fidelity.arm: unknown arm '{arm}'{hint(arm, settings.trained_arms)}"
    elif arm and (settings.arms[arm].synthetic or settings.arms[arm].oracle):
        yield f"fidelity.arm: '{arm}' has seen synthetic images or fresh lesions"
    if settings.embedding.arms and len(set(settings.embedding.arms)) != 2:
        yield f"embedding.arms: give two arms (got {settings.embedding.arms})"
