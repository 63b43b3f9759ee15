"""Fresh lesions: those of a second table that are of no patient of the cohort."""

from collections.abc import Collection, Sequence

from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.folds import split_patients


def fresh_parts(
    second: Cohort,
    cohort: Cohort,
    *,
    classes: Collection[str],
    folds: Sequence[int],
    seed: int,
) -> dict[int, list[Lesion]]:
    """Return part -> the fresh lesions that the fold of this name may not see.

    A lesion whose table names its fold keeps it, where the cohort's does so too: it may share a
    patient with that fold's lesions if patients have no ids. The others are shared out by patient.

    Args:
        second: the second table.
        cohort: the study's own lesions.
        classes: lesions of other classes are left out.
        folds: the study's folds.
        seed: of the sharing out.
    """
    ids = {lesion.lesion_id for lesion in cohort.lesions}
    patients = {lesion.patient_id for lesion in cohort.lesions} - {""}
    fresh = [
        lesion
        for lesion in second.lesions
        if lesion.lesion_id not in ids
        and lesion.patient_id not in patients
        and lesion.label in classes
    ]
    if second.has_folds and cohort.has_folds:
        part_of = [lesion.fold for lesion in fresh]
    else:
        people = [lesion.case for lesion in fresh]
        labels = [lesion.label for lesion in fresh]
        places = split_patients(people, labels, len(folds), seed=seed, replicate=0)
        part_of = [folds[place - 1] for place in places]
    return {
        part: [lesion for lesion, own in zip(fresh, part_of, strict=True) if own == part]
        for part in folds
    }
