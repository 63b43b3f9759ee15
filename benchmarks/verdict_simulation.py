"""Does the verdict keep its word? Simulated studies through the shipped functions.

docs/results/simulation.md has the model, the commands and what came out. `components` estimates how
alike outcomes are (components.csv), `studies` simulates studies with these components, halved and
doubled (studies.csv), `table` prints them. Of the effects, `split` is what both arms of a replicate
share by their training lesions, `network` the randomness of synthesizer and classifier.
"""

import argparse
import itertools
import math
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

from augtrial.core import seeds
from augtrial.statistics import verdicts
from augtrial.statistics.classification import ClassificationPanel as Panel
from augtrial.statistics.classification import classification_panels, panel_outcomes
from augtrial.statistics.contrasts import difference_row
from augtrial.statistics.intervals import crossed_interval
from augtrial.statistics.outcomes import Outcome
from augtrial.statistics.predictions import read_predictions
from augtrial.statistics.verdicts import GAIN, LOSS, NO_DIFFERENCE, SMALL, verdict_table
from benchmarks.paired import markdown

FOLDER = Path(__file__).parent.parent / "docs/results/simulation"
CLASSES = ("a", "b", "c")
EFFECTS = ("patient", "lesion", "lesion_arm", "split", "network")
FOLDS = 3
SIZES = (60, 182, 1000)
SCALES = (0.5, 1.0, 2.0)
TRUTHS = (0.0, 0.05)
BASE = 0.75  # the weaker arm's sensitivity to each class
RESAMPLES = 400
KEYS = ["components", "lesions", "replicates", "truth"]
SHARES = {  # columns of the table, and what they are called there
    **{"crossed covers": "interval covers", "pair added covers": "with a pair added"},
    **{"bootstrap covers": "patient bootstrap", "folds covers": "folds as independent"},
    **{word: word for word in ("gain", "loss", "no relevant difference", "bootstrap decides")},
    **{"folds decides": "folds decide", "detectable": "detectable, points"},
}


# How alike real outcomes are -------------------------------------------------------------------


def estimate(by_arm: list[Panel]) -> dict[str, float]:
    """Return each effect's variance relative to e's, from pairs of outcomes.

    Two outcomes of one class are both right with the probability of a bivariate normal orthant;
    its correlation (tetrachoric) is the share of the variance that the two have in common.
    """
    pairs = {name: [] for name in ("patient", "lesion", "arm", "network", "split")}
    for first, second in itertools.product(by_arm, by_arm):
        for c in range(len(first.classes)):
            inside = first.label == c
            a, b = ((panel.predicted == c)[inside] for panel in (first, second))
            same_arm = first.arm == second.arm
            for name, agreement in _agreements(first, inside, a, b, same_arm=same_arm):
                correlation = tetrachoric(a.mean(), b.mean(), agreement)
                pairs[name].append((correlation, inside.sum()))
    found = {name: weighted_mean(values) for name, values in pairs.items()}
    share = {name: max(0.0, found[name]) for name in ("patient", "split")}
    share["lesion"] = max(0.0, found["lesion"] - share["patient"])
    share["lesion_arm"] = max(0.0, found["arm"] - max(0.0, found["lesion"]))
    share["network"] = max(0.0, found["network"] - share["split"])
    rest = 1 - sum(share.values())
    return {name: share[name] / rest for name in EFFECTS}


def trained(by_arm: dict[str, Panel]) -> list[Panel]:
    """Return the arms whose outcomes differ between replicates; baselines know no randomness."""
    return [panel for panel in by_arm.values() if np.ptp(panel.predicted, axis=1).any()]


def weighted_mean(pairs: list[tuple[float, int]]) -> float:
    """Return the mean of the first by the second of each pair; 0 where there are none."""
    if not pairs:
        return 0.0
    values, weights = np.array(pairs, dtype=float).T
    return float(np.average(values, weights=weights))


def _agreements(
    panel: Panel, inside: np.ndarray, a: np.ndarray, b: np.ndarray, *, same_arm: bool
) -> Iterator[tuple[str, float]]:
    """Yield how often both of two outcomes [n, R] are right, by what they have in common."""
    case, fold = panel.case[inside], panel.fold[inside]
    number, replicates = a.shape
    kin = (case[:, None] == case) & ~np.eye(number, dtype=bool)
    strangers = case[:, None] != case
    apart = ~np.eye(replicates, dtype=bool)
    both = (a[:, :, None] & b[:, None, :]).mean(axis=0)
    yield ("arm" if same_arm else "lesion"), float(both[apart].mean())
    if same_arm and kin.any():
        joint = np.einsum("ir,js,ij->rs", a, b, kin.astype(float)) / kin.sum()
        yield "patient", float(joint[apart].mean())
    rates = []
    for r in range(replicates):
        together = strangers & (fold[:, None, r] == fold[None, :, r])
        rates.append((a[:, r].astype(float) @ together @ b[:, r]) / together.sum())
    yield ("network" if same_arm else "split"), float(np.mean(rates))


def tetrachoric(p: float, q: float, both: float) -> float:
    """Return the correlation of two normals that exceed their thresholds together this often."""
    if not (0 < p < 1 and 0 < q < 1):
        return 0.0
    limits = stats.norm.ppf([p, q])

    def excess(rho: float) -> float:
        cov = [[1, rho], [rho, 1]]
        return float(stats.multivariate_normal.cdf(limits, cov=cov)) - both

    low, high = -0.95, 0.999
    if excess(low) > 0:
        return low
    if excess(high) < 0:
        return high
    return float(optimize.brentq(excess, low, high, xtol=1e-4))


# Simulated studies -----------------------------------------------------------------------------


def simulate(
    generator: np.random.Generator,
    effects: dict[str, float],
    lesions: int,
    replicates: int,
    truth: float,
) -> tuple[Panel, Panel]:
    """Return the outcomes of one study's two arms, of which the first is better by `truth`."""
    label = np.arange(lesions) % len(CLASSES)
    patients = patients_of(lesions)
    more = generator.integers(0, patients, lesions - patients)
    case = generator.permutation(np.concatenate([np.arange(patients), more]))
    sd = {name: np.sqrt(value) for name, value in effects.items()}
    total = np.sqrt(1 + sum(effects.values()))
    difficulty = sd["patient"] * generator.normal(size=patients)[case, None]
    difficulty += sd["lesion"] * generator.normal(size=(lesions, 1))
    # Every replicate splits anew; a patient's lesions share a fold.
    order = np.stack([generator.permutation(patients) % FOLDS for _ in range(replicates)])
    fold = order[:, case].T
    column = np.arange(replicates)
    split = sd["split"] * generator.normal(size=(FOLDS, replicates))[fold, column]
    study = {"classes": CLASSES, "replicates": tuple(range(replicates)), "has_patients": True}
    study |= {"lesion_id": np.arange(lesions), "label": label, "case": case, "fold": fold}

    def panel(arm: str, level: float) -> Panel:
        lesion_arm = sd["lesion_arm"] * generator.normal(size=(lesions, 1))
        networks = generator.normal(size=(FOLDS, replicates, len(CLASSES)))
        network = sd["network"] * networks[fold, column, label[:, None]]
        score = total * stats.norm.ppf(level) + difficulty + lesion_arm + split + network
        right = score + generator.normal(size=fold.shape) > 0
        wrong = (label[:, None] + generator.integers(1, len(CLASSES), fold.shape)) % len(CLASSES)
        predicted = np.where(right, label[:, None], wrong)
        probability = np.eye(len(CLASSES))[predicted]
        return Panel(arm=arm, predicted=predicted, probability=probability, **study)

    return panel("new", BASE + truth), panel("old", BASE)


def patients_of(lesions: int) -> int:
    return math.ceil(lesions * 113 / 182)  # as in the built-in cohort


def judge(new: Panel, old: Panel, truth: float, weights: np.ndarray) -> dict[str, float]:
    """Return what the shipped verdict and two naive analyses say of one study."""
    new_outcome, old_outcome = macro_sensitivity(new), macro_sensitivity(old)
    numbers = {"contrast": "new - old", **difference_row(new_outcome, old_outcome, new, 0.95)}
    row = verdict_table(pd.DataFrame([numbers])).iloc[0]
    word = row["verdict"]
    sample = new_outcome.sample() - old_outcome.sample()
    plain = crossed_interval(sample)
    reach = stats.t.ppf(0.975, plain.df) * np.hypot(plain.se, new_outcome.max_influence)
    limits = {
        "crossed": (row["low"], row["high"]),
        # the same with one discordant pair added to those seen, instead of a floor
        "pair added": (sample.mean() - reach, sample.mean() + reach),
        # the patients of one study drawn anew, its replicates averaged
        "bootstrap": tuple(np.quantile(weights @ sample.mean(axis=1), [0.025, 0.975])),
        "folds": independent_folds(new, old),
    }
    covered = {f"{name} covers": low <= truth <= high for name, (low, high) in limits.items()}
    return {
        **covered,
        "gain": word in (GAIN, SMALL[GAIN]),
        "loss": word in (LOSS, SMALL[LOSS]),
        "no relevant difference": word == NO_DIFFERENCE,
        "bootstrap decides": not limits["bootstrap"][0] <= 0 <= limits["bootstrap"][1],
        "folds decides": not limits["folds"][0] <= 0 <= limits["folds"][1],
        "detectable": row["detectable"],
    }


def macro_sensitivity(panel: Panel) -> Outcome:
    wanted = ("sensitivity", "macro")
    return next(o for o in panel_outcomes(panel) if (o.endpoint, o.category) == wanted)


def independent_folds(new: Panel, old: Panel) -> tuple[float, float]:
    """Return the t interval over folds of all replicates, as if each were a study of its own."""
    d = by_fold(new) - by_fold(old)
    reach = stats.t.ppf(0.975, len(d) - 1) * stats.sem(d)
    return d.mean() - reach, d.mean() + reach


def by_fold(panel: Panel) -> np.ndarray:
    """Return macro sensitivity in each fold of each replicate, as if they were independent."""
    right = panel.predicted == panel.label[:, None]
    values = []
    for r, fold in itertools.product(range(right.shape[1]), range(FOLDS)):
        inside = panel.fold[:, r] == fold
        of_class = [inside & (panel.label == c) for c in range(len(CLASSES))]
        values.append(np.mean([right[lesions, r].mean() for lesions in of_class if lesions.any()]))
    return np.array(values)


def run_cell(task: tuple) -> dict[str, float]:
    """Return one cell of the table: shares over its studies."""
    scale, lesions, replicates, truth, studies, effects = task
    scaled = {name: scale * value for name, value in effects.items()}
    patients = patients_of(lesions)
    draw = seeds.generator(0, "resamples", lesions)
    weights = draw.multinomial(patients, np.full(patients, 1 / patients), RESAMPLES) / patients
    results = []
    for study in range(studies):
        generator = seeds.generator(0, "simulation", scale, lesions, replicates, truth, study)
        arms = simulate(generator, scaled, lesions, replicates, truth)
        results.append(judge(*arms, truth, weights))
    means = pd.DataFrame(results).astype(float).mean()
    where = dict(zip(KEYS, (scale, lesions, replicates, truth), strict=True))
    print(where, means.round(3).to_dict(), file=sys.stderr, flush=True)
    return {**where, "studies": studies, **means}


def table(cells: pd.DataFrame) -> str:
    """Return the table of docs/results/simulation.md: percent of the studies of each cell."""
    columns = ["lesions", "components", "replicates", "truth, points", *SHARES.values()]
    rows = []
    for cell in cells.sort_values(["lesions", *KEYS]).to_dict("records"):
        design = [f"{cell['lesions']:,.0f}", f"x {cell['components']:g}"]
        design += [f"{cell['replicates']:.0f}", f"{100 * cell['truth']:g}"]
        rows.append([*design, *(f"{100 * cell[share]:.1f}" for share in SHARES)])
    return markdown(columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table")
    components = commands.add_parser("components")
    components.add_argument("predictions", type=Path, nargs="+")
    run = commands.add_parser("studies")
    run.add_argument("--studies", type=int, default=2000)
    run.add_argument("--replicates", type=int, nargs="+", default=[verdicts.MIN_REPLICATES])
    run.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()

    FOLDER.mkdir(parents=True, exist_ok=True)
    if chosen.command == "table":
        print(table(pd.read_csv(FOLDER / "studies.csv")))
        return
    if chosen.command == "components":
        panels = [classification_panels(read_predictions(path)) for path in chosen.predictions]
        found = pd.DataFrame([estimate(trained(by_arm)) for by_arm in panels]).round(4)
        found.insert(0, "cohort", [path.parent.name for path in chosen.predictions])
        found.to_csv(FOLDER / "components.csv", index=False)
        print(found)
        return
    effects = pd.read_csv(FOLDER / "components.csv")[list(EFFECTS)].mean().to_dict()
    # The long ones first.
    cells = itertools.product(reversed(SIZES), chosen.replicates, SCALES, TRUTHS)
    tasks = [(scale, n, r, truth, chosen.studies, effects) for n, r, scale, truth in cells]
    with multiprocessing.Pool(chosen.jobs) as pool:
        cells = pool.map(run_cell, tasks, chunksize=1)
    pd.DataFrame(cells).sort_values(KEYS).round(4).to_csv(FOLDER / "studies.csv", index=False)


if __name__ == "__main__":
    main()
