"""Where the settings do not fit the lesions: what can only be told of both together."""

from collections import Counter
from collections.abc import Iterable, Mapping

from augtrial.spelling import hint
from augtrial.study import Study


def fit_problems(study: Study) -> list[str]:
    """Return where the settings do not fit the lesions, a line each."""
    return [
        *_class_problems(study),
        *_size_problems(study),
        *_extra_problems(study),
        *_oracle_problems(study),
        *_fold_problems(study),
    ]


def _class_problems(study: Study) -> Iterable[str]:
    for name, arm in study.settings.arms.items():
        for synthesizer, wanted in arm.synthetic.items():
            for label in wanted if isinstance(wanted, Mapping) else ():
                if label not in study.classes:
                    yield (
                        f"arms.{name}.synthetic.{synthesizer}: unknown class '{label}'"
                        f"{hint(label, study.classes)}"
                    )


def _size_problems(study: Study) -> Iterable[str]:
    available = study.settings.classic.number
    smallest = min(
        (
            len(study.part(replicate, fold))
            for replicate in study.replicates
            for fold in study.folds
        ),
        default=0,
    )
    sizes = {f"arms.{name}.classic": arm.classic for name, arm in study.settings.arms.items()}
    for name, synthesizer in study.settings.used_synthesizers.items():
        sizes[f"synthesizers.{name}.classic"] = synthesizer.classic
    for name, curve in study.settings.curves.items():
        own = curve.sizes if curve.vary == "classic" else [curve.classic]
        sizes[f"curves.{name}"] = max(own, default=0)
    for key, size in sizes.items():
        if isinstance(size, int) and size > smallest * available:
            yield (
                f"{key}: {size} variants per fold are more than the {smallest} lesions of "
                f"the smallest fold can give ({available} each, {smallest * available}); "
                "ask for fewer, or raise classic.rotations"
            )


def _extra_problems(study: Study) -> Iterable[str]:
    """Each lesion gives its share of `classic`, then its share of its class's extra ones."""
    available = study.settings.classic.number
    for name, arm in study.settings.arms.items():
        if not arm.extra_classic:
            continue
        worst = 0
        for replicate in study.replicates:
            for fold in study.folds:
                labels = Counter(lesion.label for lesion in study.part(replicate, fold))
                given = available if arm.classic == "all" else -(-arm.classic // labels.total())
                extra = -(-arm.extra_classic // min(labels.values()))
                worst = max(worst, given + extra)
        if worst > available:
            yield (
                f"arms.{name}.extra_classic: with those of classic, a lesion of the scarcest class "
                f"would have to give {worst} variants, but has {available}; ask for fewer, or "
                "raise classic.rotations"
            )


def _oracle_problems(study: Study) -> Iterable[str]:
    if not study.oracle_images or study.is_phantom:
        return
    available = 1 + study.settings.classic.number
    for part in study.folds:
        fresh = Counter(lesion.label for lesion in study.oracle_lesions(part))
        for label in study.classes:
            if fresh[label] * available < study.oracle_images:
                yield (
                    f"oracle.table: fold {part} has {fresh[label]} fresh lesions of class "
                    f"'{label}', which with their variants give {fresh[label] * available} images "
                    f"of the {study.oracle_images} that an arm asks for"
                )


def _fold_problems(study: Study) -> Iterable[str]:
    if not study.is_phantom:
        return  # the check of the lesion table tells it, by row
    for label in study.classes:
        patients = {lesion.patient_id for lesion in study.lesions if lesion.label == label}
        if len(patients) < study.settings.folds.number:
            yield (
                f"class '{label}' has lesions of {len(patients)} patients, fewer than the "
                f"{study.settings.folds.number} folds: a fold would be without it; lower "
                "folds.number or raise cohort.phantom.classes"
            )
