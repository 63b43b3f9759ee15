"""What is wrong with settings, in words: unknown keys, wrong values, contradictions."""

import typing
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from augtrial.spelling import SEPARATOR, contrast_arms, hint
from augtrial.trainingset import ORACLE

if TYPE_CHECKING:
    from augtrial.settings import Arm, Settings


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
    if item["type"].startswith("union_tag"):
        return ".network: say which network this is: dcgan or acgan"
    if item["type"] == "string_pattern_mismatch":
        return (
            f": the name '{item['input']}' may hold letters, digits, '_', '-', '+' and spaces "
            "only, and starts with a letter or digit, since it becomes a file name"
        )
    return f": {_short(item)}"


def _short(item: Any) -> str:
    message = item["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = item["input"]
    shown = repr(value) if not isinstance(value, dict | list) else type(value).__name__
    return f"{message} (got {shown})"


def _walk(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[list[str], Any]:
    """Return the user's path to a place that pydantic names, and the model that owns it.

    pydantic's own path also holds the tags of unions and the names of types, which are no keys.
    """
    path: list[str] = []
    owner: Any = model
    here: Any = model
    for part in loc:
        models = _models(here)
        if typing.get_origin(_plain(here)) is dict:
            here = typing.get_args(_plain(here))[1]
        elif len(models) > 1:  # a tag of the union: no key of the user's
            here = next(m for m in models if m.model_fields["network"].default == part)
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


def _plain(annotation: Any) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (list, dict):
        return []
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def cross_problems(settings: "Settings") -> list[str]:
    """Return one line for each contradiction between settings that are valid one by one."""
    return [
        *_roi_problems(settings),
        *_budget_problems(settings),
        *_arm_problems(settings),
        *_curve_problems(settings),
        *_subset_problems(settings),
        *_contrast_problems(settings),
        *_split_problems(settings),
        *_figure_problems(settings),
    ]


def _roi_problems(settings: "Settings") -> Iterable[str]:
    low, high = settings.roi.window
    if low >= high:
        yield f"roi.window: the lower value comes first (got [{low:g}, {high:g}])"
    low, high = settings.classic.scale_range
    if low > high:
        yield f"classic.scale_range: the lower value comes first (got [{low:g}, {high:g}])"
    for name, synthesizer in settings.used_synthesizers.items():
        keys = ["generator_channels", "discriminator_channels"]
        if getattr(synthesizer, "discriminator", "dcgan") == "odena":
            keys.remove("discriminator_channels")  # it has widths of its own
        for key in keys:
            side = 4 * 2 ** len(getattr(synthesizer, key))
            if side != settings.roi.size:
                yield (
                    f"synthesizers.{name}.{key}: {len(getattr(synthesizer, key))} values make "
                    f"images of side {side}, but roi.size is {settings.roi.size}"
                )
    side = settings.roi.size
    for _ in settings.classifier.channels:
        side = (side - 2) // 2
    if side < 1:
        yield (
            f"classifier.channels: {len(settings.classifier.channels)} convolutions and pools "
            f"leave nothing of a ROI of side {settings.roi.size}"
        )


def _budget_problems(settings: "Settings") -> Iterable[str]:
    budgets = {"classifier.budget": settings.classifier.budget}
    budgets |= {f"arms.{name}.budget": arm.budget for name, arm in settings.arms.items()}
    budgets |= {f"curves.{name}.budget": curve.budget for name, curve in settings.curves.items()}
    for key, budget in budgets.items():
        if budget is not None and (budget.epochs is None) == (budget.updates is None):
            yield f"{key}: give one of epochs and updates"


def _arm_problems(settings: "Settings") -> Iterable[str]:
    if not settings.trained_arms:
        yield "arms: all are baselines; a study trains the network of one arm at least"
    for name, arm in settings.arms.items():
        if SEPARATOR in name:
            yield f"arms.{name}: '{SEPARATOR}' stands between the arms of a contrast"
        for synthesizer in arm.synthetic:
            if synthesizer not in settings.synthesizers:
                yield (
                    f"arms.{name}.synthetic: unknown synthesizer '{synthesizer}'"
                    f"{hint(synthesizer, settings.synthesizers)}"
                )
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
        if arm.classic == "online" and (arm.transforms or arm.extra_classic or arm.copies):
            yield (
                f"arms.{name}.classic: variants drawn online are never stored, so that "
                "transforms, extra_classic and copies have nothing to work on"
            )
        if arm.oracle and settings.cohort.table != "phantom" and not settings.oracle.table:
            yield (
                f"arms.{name}.oracle: fresh lesions come from a second lesion table; name it "
                "in oracle.table, or leave this arm and its contrasts out"
            )
    if ORACLE in settings.synthesizers:
        yield f"synthesizers.{ORACLE}: an arm's key '{ORACLE}' has this name; choose another"
    for name, synthesizer in settings.synthesizers.items():
        if synthesizer.classic and not settings.classic.number:
            yield f"synthesizers.{name}.classic: classic makes no variants"


def _most(arm: "Arm", synthesizer: str) -> int:
    wanted = arm.synthetic[synthesizer]
    return wanted if isinstance(wanted, int) else max(wanted.values(), default=0)


def _too_few(key: str, synthesizer: str, wanted: int, settings: "Settings") -> str:
    return (
        f"{key}: {wanted} images per class and fold are more than the "
        f"{settings.synthesizers[synthesizer].samples} that are drawn; raise "
        f"synthesizers.{synthesizer}.samples (it is not trained again)"
    )


def _curve_problems(settings: "Settings") -> Iterable[str]:
    for name, curve in settings.curves.items():
        if curve.vary != "classic" and curve.vary not in settings.synthesizers:
            yield (
                f"curves.{name}.vary: unknown synthesizer '{curve.vary}'"
                f"{hint(curve.vary, ['classic', *settings.synthesizers])}"
            )
        elif curve.vary != "classic":
            most = max(curve.sizes, default=0)
            if most > settings.synthesizers[curve.vary].samples:
                yield _too_few(f"curves.{name}", curve.vary, most, settings)
        if curve.vary == "classic" and curve.classic:
            yield f"curves.{name}.classic: this curve varies the classic size itself"
        if not curve.sizes or sorted(set(curve.sizes)) != list(curve.sizes):
            yield f"curves.{name}.sizes: give increasing sizes (got {curve.sizes})"


def _subset_problems(settings: "Settings") -> Iterable[str]:
    shares = settings.subsets.shares
    if sorted(set(shares)) != shares:
        yield f"subsets.shares: give increasing percentages (got {shares})"
    for name in settings.subsets.arms:
        if name not in settings.arms:
            yield f"subsets.arms: unknown arm '{name}'{hint(name, settings.arms)}"
        elif name in settings.baselines:
            yield f"subsets.arms: '{name}' is a baseline and trains no network"
    if shares and not (settings.subsets.arms or settings.contrasts):
        yield "subsets.arms: name the arms to train on subsets, or a contrast"


def _contrast_problems(settings: "Settings") -> Iterable[str]:
    for contrast in settings.contrasts:
        if SEPARATOR not in contrast:
            yield f"contrasts: '{contrast}' should read 'arm{SEPARATOR}arm'"
            continue
        for arm in contrast_arms(contrast):
            if arm not in settings.arms:
                yield f"contrasts: '{contrast}': unknown arm '{arm}'{hint(arm, settings.arms)}"
    for arm in settings.embedding.arms:
        if arm in settings.baselines:
            yield f"embedding.arms: '{arm}' is a baseline and has no network to look into"
        if arm not in settings.arms:
            yield f"embedding.arms: unknown arm '{arm}'{hint(arm, settings.arms)}"
    own = settings.fidelity.arm
    if own and own not in settings.trained_arms:
        yield f"fidelity.arm: unknown arm '{own}'{hint(own, settings.trained_arms)}"
    elif own and (settings.arms[own].synthetic or settings.arms[own].oracle):
        yield f"fidelity.arm: '{own}' has seen synthetic images or fresh lesions"
    if settings.embedding.arms and len(set(settings.embedding.arms)) != 2:
        yield f"embedding.arms: give two arms (got {settings.embedding.arms})"


def _split_problems(settings: "Settings") -> Iterable[str]:
    if settings.share_synthesizer and settings.folds.split == "each":
        yield (
            "share_synthesizer: a shared synthesizer would have seen lesions that another "
            "replicate's split holds out; set folds.split to one, or train a synthesizer a "
            "replicate"
        )


def _figure_problems(settings: "Settings") -> Iterable[str]:
    for name in settings.figures.order:
        if name not in settings.arms:
            yield f"figures.order: unknown arm '{name}'{hint(name, settings.arms)}"
