"""How probable it is that the order of two methods is false, from what a paper reports."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from scipy import stats

from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.core.io import read_text

# classic+dcgan against classic, six replicates of 182 brain tumours: 125 of 1,092 pairs of answers
# (docs/results/brain-tumor-mr-trial/winners.csv, the arms "after").
TRIAL_DISCORDANCE = 125 / 1092
MOST = 10**9  # cases; no study has more
DRAWS = 400_000  # of the posterior of macro sensitivity: 5 % are known within 0.1


@dataclass(frozen=True)
class Claim:
    """Two methods on the same cases: `sizes` [C] cases by class, `right` [2, C] of them.

    The method with more cases right comes first. Where a paper reports no classes, C is 1.
    """

    sizes: np.ndarray
    right: np.ndarray

    @property
    def cases(self) -> int:
        """Return the number of cases."""
        return int(self.sizes.sum())

    def discordant(self) -> np.ndarray:
        """Return the fewest and most cases of each class [2, C] that only one method had right.

        Both methods are right on at most min(a, b) and at least max(0, a + b - n) of n cases.
        """
        a, b = self.right
        return np.stack([abs(a - b), np.minimum(a + b, 2 * self.sizes - a - b)])


def false_order(claim: Claim, discordant: float, worth: float = 1.0) -> float:
    """Return the probability that the first method's accuracy is not above the second's.

    The posterior of the paired 2x2 table is Dirichlet(1, 1, 1, 1) with the counts added. Of it only
    the share A / (A + B) of the two discordant cells matters, which is Beta(1 + n_A, 1 + n_B).
    `discordant` is n_A + n_B, a number of cases; each case counts as `worth` independent ones.

    Source: Christodoulou et al., arXiv 2505.04720 (2025), the probability of a false claim.
    """
    n = (discordant + np.array([1, -1]) * np.subtract(*claim.right.sum(axis=1))) / 2
    return float(stats.beta.cdf(0.5, *(1 + worth * n)))


def false_macro_order(claim: Claim, discordant: np.ndarray, worth: float = 1.0) -> float:
    """Return the same for macro sensitivity: that the one reported as higher is not.

    Each class has a paired table of its own with `discordant` [C] cases; the mean over classes is
    simulated (`DRAWS`). Source as in `false_order`.
    """
    rng = seeds.generator(0, "claim")
    gained, mean = claim.right[0] - claim.right[1], np.zeros(DRAWS)
    for n, gain, d in zip(claim.sizes, gained, discordant, strict=True):
        only = 1 + worth * (d + np.array([gain, -gain])) / 2
        draws = rng.dirichlet([*only, 2 + worth * (n - d)], DRAWS)
        mean += draws[:, 0] - draws[:, 1]
    return float(np.mean(mean * np.copysign(1, (gained / claim.sizes).sum()) <= 0))


def claim_lines(
    claim: Claim, discordance: float | None = None, patients: int | None = None
) -> list[str]:
    """Return what was claimed and how probable it is that the order is false, in words.

    `discordance` is the share of the cases that only one method had right (None: that of this
    project's trial, where it is possible). With `patients`, a second range takes all lesions of a
    patient as right or wrong together, so that there are as many cases as patients (Kish, Survey
    Sampling, 1965: an intraclass correlation of one, patients of equal size). UserError if the
    counts do not allow one of them.
    """
    n, (a, b), bounds = claim.cases, claim.right.sum(axis=1), claim.discordant()
    low, high = bounds.sum(axis=1)
    if problems := _impossible(n, low, high, discordance, patients):
        raise UserError(problems)
    at = TRIAL_DISCORDANCE if discordance is None else discordance
    possible = discordance is not None or low <= at * n <= high

    def accuracy(worth: float) -> str:
        text = _range(*(_probability(false_order(claim, d, worth)) for d in (low, high)))
        stated = _probability(false_order(claim, float(np.clip(at * n, low, high)), worth))
        more = f", depending on the discordance; {stated} at {_percent(at)}"
        return text + more if possible and stated != text else text

    def macro(worth: float) -> str:
        return _range(*(_probability(false_macro_order(claim, d, worth)) for d in bounds))

    orders = {"the claimed order": accuracy}
    if len(claim.sizes) > 1:
        x, y = (claim.right / claim.sizes).mean(axis=1)
        orders[f"the order of macro sensitivity, {_percent(x)} and {_percent(y)},"] = macro
    together = f"if the lesions of a patient are always right or wrong together ({patients} cases)"
    lines = [
        f"claimed: {a} of {n} cases right ({_percent(a / n)}) against {b} ({_percent(b / n)}), "
        f"a difference of {100 * (a - b) / n:.1f} points",
        f"discordance (cases that only one method had right): {_range(f'{low}', f'{high}')} cases, "
        f"{_range(_percent(low / n), _percent(high / n))}",
    ]
    if discordance is None and possible:
        lines[1] += f"; {_percent(at)} in this project's trial of brain tumours"
    for order, probability in orders.items():
        lines.append(f"probability that {order} is false: {probability(1)}")
        if patients:
            lines.append(f"  {together}: {probability(patients / n)}")
    alike = "" if patients else "that the lesions of a patient are alike (--patients), "
    lines.append(
        f"not included: {alike}that each method may have been trained only once, and that the best "
        "of several results may have been chosen"
    )
    return lines


def _impossible(
    n: int, low: int, high: int, discordance: float | None, patients: int | None
) -> list[str]:
    """Return what the counts do not allow; shares may be rounded to four digits."""
    problems = []
    if discordance is not None and not low / n - 1e-4 <= discordance <= high / n + 1e-4:
        problems.append(
            f"--discordance {discordance:g}: with these counts, only one method had right {low} to "
            f"{high} of {n} cases; give {low / n:.4f} to {high / n:.4f}"
        )
    if patients is not None and not 1 <= patients <= n:
        problems.append(f"--patients {patients}: give 1 to {n}, the number of cases")
    return problems


def read_counts(cases: str, right: Sequence[str]) -> Claim:
    """Return the claim of two counts, or two shares such as 85.7% or 0.857, of the same cases.

    UserError names all that is no number of cases.
    """
    problems: list[str] = []
    n = _whole(cases, "--cases", problems, least=1)
    counts = [_count(text, n or MOST, problems) for text in right]
    if any(map(_is_share, right)) and any(
        _decimal(text) == 1 for text in right if not _is_share(text)
    ):
        problems.append(f"--right {' '.join(right)}: is 1 one case or all? write both as shares")
    if problems:
        raise UserError(problems)
    return _claim(np.array([n]), np.array(counts)[:, None])


def read_confusions(paths: Sequence[Path]) -> Claim:
    """Return the claim of two confusion matrices (CSV of counts, rows true, columns predicted).

    Names of the classes may stand in the first row and column. UserError names every cell that is
    no count, a matrix that is not square, and classes that differ between the files.
    """
    problems: list[str] = []
    read = []
    for path in paths:
        try:
            read.append(_matrix(path, problems))
        except UserError as error:
            problems += error.problems
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}")
    if problems:
        raise UserError(problems)
    (names, first), (other_names, second) = read
    if names != other_names:
        raise UserError(
            f"{paths[0]} has the classes {', '.join(names)}; {paths[1]} has "
            f"{', '.join(other_names)}: both must have the same, in the same order"
        )
    sizes, others = first.sum(axis=1), second.sum(axis=1)
    wrong = [
        f"class {name}: {n} cases in {paths[0]}, {m} in {paths[1]}; both methods must be tested on "
        "the same cases (rows are the true classes)"
        for name, n, m in zip(names, sizes, others, strict=True)
        if n != m
    ]
    if wrong or not sizes.any():
        raise UserError(wrong or f"{paths[0]}: no cases, all counts are 0")
    right = np.stack([np.diag(first), np.diag(second)])
    return _claim(sizes[sizes > 0], right[:, sizes > 0])


def _claim(sizes: np.ndarray, right: np.ndarray) -> Claim:
    """Return the claim with the method first that has more cases right."""
    return Claim(sizes, right if np.subtract(*right.sum(axis=1)) >= 0 else right[::-1])


def _matrix(path: Path, problems: list[str]) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes and the counts [C, C] of a file."""
    text = read_text(path)
    mark = next((mark for mark in ";\t" if mark in text), ",")
    cells = [
        [cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=mark)
    ]
    numbers = [number for number, row in enumerate(cells, 1) if any(row)]  # as a spreadsheet counts
    rows = [row for row in cells if any(row)]
    names, first = [str(i + 1) for i in range(len(rows))], 1
    if rows and _is_named(rows):  # in the first row and column
        names, of_rows, first = rows[0][1:], [row[0] for row in rows[1:]], 2
        rows, numbers = [row[1:] for row in rows[1:]], numbers[1:]
        if names != of_rows:
            problems.append(f"{path}: rows are named {of_rows}, columns {names}; give equal names")
    if not rows or any(len(row) != len(rows) for row in rows):
        widths = ", ".join(str(len(row)) for row in rows) or "no"
        problems.append(
            f"{path}: {len(rows)} rows with {widths} columns; a confusion matrix is square, a row "
            "for each true class and a column for each predicted class, separated by commas"
        )
        return names, np.zeros((0, 0), int)
    counts = [
        [
            _whole(cell, f"{path}, row {i}, column {j}", problems)
            for j, cell in enumerate(row, first)
        ]
        for i, row in zip(numbers, rows, strict=True)
    ]
    matrix = np.array(counts)
    row, column = matrix[:-1].sum(axis=0), matrix[:, :-1].sum(axis=1)
    sums = np.array_equal(matrix[-1], row) and np.array_equal(matrix[:, -1], column)
    if len(matrix) > 2 and matrix.any() and sums:
        problems.append(
            f"{path}: the last row and column are the sums of the others: leave them out"
        )
    return names, matrix


def _is_named(rows: list[list[str]]) -> bool:
    """Return whether names of the classes, which may be numbers, stand around the counts."""
    names, of_rows = rows[0][1:], [row[0] for row in rows[1:]]
    words = any(_decimal(name) is None for name in names + of_rows)
    return _decimal(rows[0][0]) is None and (words or names == of_rows)


def _count(text: str, cases: int, problems: list[str]) -> int:
    """Return how many of the cases a count, or a share such as 85.7% or 0.857, stands for."""
    number, is_share = _decimal(text.removesuffix("%").strip()), _is_share(text)
    most = 100 if "%" in text else 1 if is_share else cases
    if number is None or not 0 <= number <= most or (number % 1 and not is_share):
        right = f"a whole number from 0 to {cases}, or a share such as 85.7% or 0.857"
        problems.append(f"--right {text}: give {right}")
        return 0
    count = round(number / most * cases)
    last_digit = Decimal(1).scaleb(int(number.as_tuple().exponent))
    if abs(Decimal(count) / cases * most - number) >= last_digit:  # neither rounded nor cut off
        nearest = f"the nearest is {count} ({_percent(count / cases)})"
        problems.append(f"--right {text}: no number of {cases} cases is this share; {nearest}")
    return count


def _is_share(text: str) -> bool:
    return "%" in text or "." in text


def _whole(text: str, what: str, problems: list[str], least: int = 0) -> int:
    """Return a whole number, or 0 with a problem."""
    number = _decimal(text)
    if number is None or not least <= number <= MOST or number % 1:
        problems.append(f"{what}: {text!r} is not a whole number from {least} to {MOST}")
        return 0
    return int(number)


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _probability(p: float) -> str:
    return "below 0.1 %" if p < 0.0005 else _percent(p)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
