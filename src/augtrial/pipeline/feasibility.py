"""Where the settings do not fit the lesions: what can only be told of both together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil

from augtrial.cohort.lesion import Lesion
from augtrial.core.names import hint
from augtrial.core.replicate import Replicate
from augtrial.imaging.training_set import synthetic_count
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.study import Study


def fit_problems(study: Study) -> list[str]:
    """Return where the settings do not fit the lesions, a line each."""
    checks = [_class_problems, _duplicate_problems, _size_problems, _extra_problems]
    checks += [_oracle_problems, _fold_problems]
    return [problem for check in checks for problem in check(study)]


def _class_problems(study: Study) -> Iterable[str]:
    for name, arm in study.settings.arms.items():
        for synthesizer, wanted in arm.synthetic.items():
            for label in wanted if isinstance(wanted, Mapping) else ():
                if label not in study.classes:
                    key, known = f"arms.{name}.synthetic.{synthesizer}", hint(label, study.classes)
                    yield f"{key}: unknown class '{label}'{known}"


def _duplicate_problems(study: Study) -> Iterable[str]:
    """Without real images there may be none of a class that could be repeated."""
    for name, arm in study.settings.arms.items():
        if not arm.duplicates or any((arm.originals, arm.classic, arm.extra_classic, arm.oracle)):
            continue
        for label in study.classes:
            if not any(synthetic_count(arm, synthesizer, label) for synthesizer in arm.synthetic):
                yield f"arms.{name}.duplicates: there is no image of class '{label}' to repeat"


def _size_problems(study: Study) -> Iterable[str]:
    available = study.settings.classic.number
    for share in study.shares:
        smallest = min(map(len, _parts(study, share)), default=0)
        for key, size in _classic_sizes(study, share).items():
            if isinstance(size, int) and size > smallest * available:
                yield (
                    f"{key}{_at(share)}: {size} variants per fold are more than the {smallest} "
                    f"lesions of the smallest fold can give ({available} each, "
                    f"{smallest * available}); ask for fewer, or raise classic.n_rotations"
                )


def _parts(study: Study, share: int) -> list[list[Lesion]]:
    """Return the lesions of every replicate's parts, or of a share of their patients."""
    replicates = [Replicate(number, share) for number in study.replicates]
    return [study.part(replicate, fold) for replicate in replicates for fold in study.folds]


def _at(share: int) -> str:
    return "" if share == 100 else f" at {share} % of the patients (subsets.fractions)"


def _classic_sizes(study: Study, share: int) -> dict[str, int | str]:
    """Return how many variants per fold each key asks for."""
    params, replicate = JobParams(study), Replicate(1, share)
    sizes: dict[str, int | str] = {
        f"arms.{name}.classic": params.arm(name, replicate).classic
        for name in params.arms(replicate)
    }
    for name in params.synthesizers(replicate):
        values = params.synthesizer_values(name, replicate)
        sizes[f"synthesizers.{name}.classic"] = values["classic"]
    for name in params.curves(replicate):
        points = params.curve_points(name).values()
        sizes[f"curves.{name}"] = max((int(arm.classic) for arm in points), default=0)
    return sizes


def _extra_problems(study: Study) -> Iterable[str]:
    """Each lesion gives its share of `classic`, then its share of its class's extra ones."""
    available, params = study.settings.classic.number, JobParams(study)
    for share in study.shares:
        replicate = Replicate(1, share)
        parts = [Counter(lesion.label for lesion in part) for part in _parts(study, share)]
        for name in params.arms(replicate):
            arm = params.arm(name, replicate)
            if not arm.extra_classic:
                continue
            worst = 0
            for labels in filter(None, parts):  # an empty fold is told of by itself
                taken = available
                if isinstance(arm.classic, int):
                    taken = ceil(arm.classic / labels.total())
                worst = max(worst, taken + ceil(arm.extra_classic / min(labels.values())))
            if worst > available:
                yield (
                    f"arms.{name}.extra_classic{_at(share)}: with those of classic, each lesion of "
                    f"the rarest class would need {worst} variants, but it has {available}; "
                    "ask for fewer, or raise classic.n_rotations"
                )


def _oracle_problems(study: Study) -> Iterable[str]:
    if not study.oracle_images:
        return
    available, lesions = 1 + study.settings.classic.number, study.settings.oracle.lesions
    if study.is_phantom:
        if lesions * available < study.oracle_images:
            yield (
                f"oracle.lesions: {lesions} fresh lesions per class and fold give, with their "
                f"variants, {lesions * available} images of the {study.oracle_images} that an arm "
                "asks for"
            )
        return
    both = [cohort for cohort in (study.cohort, study.fresh_cohort) if cohort is not None]
    if not (all(each.has_patients for each in both) or all(each.has_folds for each in both)):
        yield (
            "oracle.table: it is not known whether a fresh lesion is of a held-out patient; fill "
            "patient_id in both tables, or fold in both"
        )
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
