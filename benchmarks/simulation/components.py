"""How alike real outcomes are: variance components of predictions, into components.csv."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

from augtrial.statistics.classification import ClassificationPanel as Panel
from augtrial.statistics.classification import classification_panels
from augtrial.statistics.predictions import read_predictions

FOLDER = Path(__file__).parents[2] / "docs/results/simulation"
EFFECTS = ("patient", "lesion", "lesion_arm", "split", "network")


def components(paths: list[Path]) -> pd.DataFrame:
    """Return each effect's variance relative to e's, one row a table of predictions."""
    panels = [classification_panels(read_predictions(path)) for path in paths]
    found = pd.DataFrame([estimate(trained(by_arm)) for by_arm in panels]).round(4)
    found.insert(0, "cohort", [path.parent.name for path in paths])
    return found


def mean_effects() -> dict[str, float]:
    """Return the mean over the cohorts of components.csv."""
    return pd.read_csv(FOLDER / "components.csv")[list(EFFECTS)].mean().to_dict()


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
