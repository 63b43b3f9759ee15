"""Checks of predictions made elsewhere: what the statistics would compare without a complaint."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError
from augtrial.core.names import (
    RESERVED_CLASSES,
    contrast_arms,
    count,
    letters,
    repeated_contrasts,
)
from augtrial.statistics.classification import classification_panels
from augtrial.statistics.contrasts import mismatches, unknown_arms
from augtrial.statistics.panel import COLUMNS, require_columns
from augtrial.statistics.predictions import place

SHOWN = 5  # examples of one kind of problem
TOLERANCE = 1e-6  # of a probability: files hold rounded numbers
ROUNDED = 0.005  # what rounding to two digits may add to each probability of a sum
# Patient ids that stand for no patient, in small letters; "-", "?" and the like have no letters.
NO_PATIENT = {
    *("", "na", "nan", "none", "null", "nil", "unknown", "unk", "undefined", "missing"),
    *("anonymous", "anonymized", "anonymised", "notavailable", "notknown", "notapplicable"),
}


def require_sound(predictions: pd.DataFrame, contrasts: Sequence[str]) -> None:
    """Raise UserError with everything that keeps predictions and contrasts from being compared.

    `predictions` are those of `predictions.read_predictions`, one row a lesion, replicate and arm;
    `contrasts` are as the user wrote them, with those that are repeated.

    Raises:
        UserError: a column is missing. Or, all at once and with a few examples each: the
            probabilities of a row do not add up to 1; the predicted class is not the most probable
            one; all lesions are of one class, or a class has a word of the tables; a patient is in
            several folds; patient ids are incomplete, stand for no patient, or are all the same;
            both arms of a contrast are the same, in all replicates or in two replicates; a contrast
            is repeated; and what `classification_panels` and `contrast_table` do not accept.
    """
    require_columns(predictions, [*COLUMNS, "predicted"])
    patient = predictions["patient_id"].astype(object)
    rows = predictions.assign(patient_id=patient.where(patient.notna(), "").astype(str))
    problems = [
        *_contrast_problems(contrasts),
        *_pairing_problems(predictions, dict.fromkeys(contrasts)),
        *_class_problems(rows),
        *_not_one(rows),
        *_less_probable(rows),
        *_patient_problems(rows),
        *_copies(rows, dict.fromkeys(contrasts)),
    ]
    if problems:
        raise UserError(dict.fromkeys(problems), title="these predictions cannot be compared")


def _contrast_problems(contrasts: Sequence[str]) -> list[str]:
    """Return which contrasts compare an arm with itself, or ask what another one asks."""
    same = {name: len(set(contrast_arms(name))) == 1 for name in contrasts}
    problems = [
        f"contrast {contrast!r} compares nothing: name two different arms"
        for contrast in contrasts
        if same[contrast]
    ]
    pairs = (contrast for contrast in contrasts if not same[contrast])
    return problems + [
        f"contrast {contrast!r} repeats {earlier!r}: keep one"
        for contrast, earlier in repeated_contrasts(pairs)
    ]


def _pairing_problems(predictions: pd.DataFrame, contrasts: Iterable[str]) -> list[str]:
    """Return what the comparison itself does not accept."""
    arms = dict.fromkeys(predictions["arm"])
    problems = [problem for contrast in contrasts for problem in unknown_arms(contrast, arms)]
    try:
        panels = classification_panels(predictions)
    except UserError as error:
        return problems + error.problems
    for contrast in contrasts:
        a, b = contrast_arms(contrast)
        if a in panels and b in panels:
            problems += [f"{contrast}: {problem}" for problem in mismatches(panels[a], panels[b])]
    return problems


def _probabilities(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns p_<class> as numbers; NaN is none."""
    scores = [name for name in rows if name.startswith("p_")]
    return rows[scores].apply(pd.to_numeric, errors="coerce").astype(float)


def _class_problems(rows: pd.DataFrame) -> list[str]:
    """Return classes whose names the result tables use, and whether there is one class only."""
    names = [name[2:] for name in rows if name.startswith("p_")]
    problems = [
        f"class {name!r}: the result tables use this word; rename the class"
        for name in names
        if name.lower() in RESERVED_CLASSES
    ]
    if rows["label"].nunique() == 1 < rows["lesion_id"].nunique():
        only = rows["label"].iloc[0]
        problems.append(f"all lesions are of one class, {only!r}: at least two classes are needed")
    return problems


def _not_one(rows: pd.DataFrame) -> list[str]:
    """Return rows whose probabilities do not add up to 1, but for what rounding explains."""
    probability = _probabilities(rows).to_numpy()
    total = probability.sum(axis=1)
    usable = ((probability >= 0) & (probability <= 1)).all(axis=1) & (probability.shape[1] > 0)
    wrong = usable & (abs(total - 1) > ROUNDED * probability.shape[1] + TOLERANCE)

    def words(i: int) -> str:
        return (
            f"{place(rows, i)}: the probabilities p_<class> add up to {total[i]:.4g}, not to 1: is "
            "a class missing? divide the scores of separate networks by their sum"
        )

    what = "rows whose probabilities do not add up to 1"
    return _examples(np.flatnonzero(wrong).tolist(), words, what)


def _less_probable(rows: pd.DataFrame) -> list[str]:
    """Return rows in which another class is more probable than the predicted one."""
    table = _probabilities(rows)
    probability, column = (
        table.to_numpy(),
        table.columns.get_indexer("p_" + rows["predicted"].astype(str)),
    )
    # What is no probability, or no class, is a problem of its own.
    usable = ((probability >= 0) & (probability <= 1)).all(axis=1) & (column >= 0)
    if not usable.any():
        return []
    predicted, most = probability[np.arange(len(rows)), column], probability.max(axis=1)

    def words(i: int) -> str:
        likely = table.columns[probability[i].argmax()]
        return (
            f"{place(rows, i)}: predicted is {rows['predicted'].iloc[i]!r} with the probability "
            f"{predicted[i]:.6g}, but {likely} is {most[i]:.6g}: predicted must be the most "
            "probable class"
        )

    wrong = np.flatnonzero(usable & (predicted < most - TOLERANCE)).tolist()
    return _examples(wrong, words, "rows whose predicted class is not the most probable one")


def _patient_problems(rows: pd.DataFrame) -> list[str]:
    """Return what is wrong with the patient ids, and which patients are in several folds."""
    ids = pd.Series(rows["patient_id"].unique())
    unnamed = set(ids[ids.map(letters).isin(NO_PATIENT) & (ids != "")])
    shared = rows[rows["patient_id"].isin(unnamed)].drop_duplicates(["patient_id", "lesion_id"])
    lesions = shared.groupby("patient_id", sort=False)["lesion_id"].agg(list)
    lesions = lesions[lesions.map(len) > 1]
    advice = "if you do not know the patients, leave patient_id empty in every row"
    problems = [
        f"patient_id {name!r}: {count(len(named), 'lesion')} ({_several(named)}) would count as "
        f"one patient; {advice}"
        for name, named in lesions.items()
    ]
    named = rows[(rows["patient_id"] != "") & ~rows["patient_id"].isin(lesions.index)]
    cases = rows["patient_id"].where(rows["patient_id"] != "", rows["lesion_id"])
    if len(rows) and cases.nunique() == 1 and lesions.empty:
        what = f"patient {ids[0]!r}" if ids[0] else f"lesion {cases.iloc[0]!r}"
        problems.append(f"there is only one {what}: an interval needs several patients")
    return [*problems, *_incomplete(rows), *_in_several_folds(named)]


def _incomplete(rows: pd.DataFrame) -> list[str]:
    """Return arms of which some lesions have a patient and others none."""
    empty = rows["patient_id"] == ""
    share = empty.groupby(rows["arm"], sort=False).mean()
    arms = share.index[(share > 0) & (share < 1)]

    def words(i: int) -> str:
        gaps = rows[empty & (rows["arm"] == arms[i])].drop_duplicates("lesion_id")
        where = _several(place(gaps, row, ()) for row in range(min(len(gaps), SHOWN + 1)))
        return (
            f"arm {arms[i]!r}: patient_id is empty for {count(len(gaps), 'lesion')}, and not for "
            f"the others: {where}: fill it in every row, or in none"
        )

    return _examples(range(len(arms)), words, "arms with incomplete patient ids")


def _in_several_folds(rows: pd.DataFrame) -> list[str]:
    """Return patients who are in several folds of one replicate; the rows have patient ids."""
    keys = ["patient_id", "replicate", "arm"]
    each = rows.drop_duplicates([*keys, "fold"])
    split = each[each.duplicated(keys, keep=False)]
    first = split.drop_duplicates("patient_id")

    def words(i: int) -> str:
        patient, replicate, arm = first[keys].iloc[i]
        where = split[(split[keys] == first[keys].iloc[i]).all(axis=1)]
        found = range(min(len(where), SHOWN + 1))
        folds = _several(f"fold {where['fold'].iloc[j]}: {place(where, j, ())}" for j in found)
        return (
            f"patient {patient!r} is in several folds of replicate {replicate}, arm {arm!r} "
            f"({folds}): keep all lesions of a patient in one fold, or networks are tested on "
            "patients of their training"
        )

    return _examples(range(len(first)), words, "patients in several folds of one replicate")


def _copies(rows: pd.DataFrame, contrasts: Iterable[str]) -> list[str]:
    """Return contrasts whose arms are both repeated in another replicate, or are the same.

    One arm alone may be the same in each replicate, if nothing in it is random. Answers of 0 and 1
    may agree by chance in some replicates, but hardly in all.
    """
    table = _probabilities(rows)
    content = rows[["lesion_id", "fold", "predicted"]].astype(str).assign(**table)
    keys = [rows["replicate"].to_numpy(), rows["arm"].to_numpy()]
    # A sum does not depend on the order of the rows; that of uint64 wraps round.
    hashes = pd.util.hash_pandas_object(content, index=False).groupby(keys).sum()
    graded = ((table > 0) & (table < 1)).any(axis=1).groupby(keys).any().unstack(fill_value=False)
    by_arm, problems = hashes.unstack(fill_value=0), []
    for contrast in contrasts:
        a, b = arms = list(contrast_arms(contrast))
        if a == b or not {a, b} <= set(by_arm):
            continue
        pairs = by_arm.loc[(by_arm[arms] != 0).all(axis=1), arms]
        exact = graded.loc[pairs.index, arms].any(axis=1)
        if len(pairs) and (pairs[a] == pairs[b]).all() and exact.all():
            problems.append(f"{contrast}: both arms have the same predictions: nothing is compared")
        problems += [
            f"{contrast}: both arms have the same predictions in the replicates "
            f"{_several(group.index)}: copies are no replicates, nor are networks in which nothing "
            "is random: keep one (if they only look alike, give p_<class> with more digits)"
            for _, group in pairs.groupby(arms, sort=False)
            if len(group) > 1 and (len(group) == len(pairs) or exact[group.index].any())
        ]
    return problems


def _several(things: Iterable[object]) -> str:
    """Return the first things in words."""
    words = [str(thing) for thing in things]
    return ", ".join(words[:SHOWN]) + (", ..." if len(words) > SHOWN else "")


def _examples(found: Sequence[int], words: Callable[[int], str], what: str) -> list[str]:
    """Return the first ones of a kind of problem in words, and how many there are in all."""
    lines = [words(i) for i in found[:SHOWN]]
    return [*lines, *([f"in all {len(found):,} {what}"] if len(found) > SHOWN else [])]
