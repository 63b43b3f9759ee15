"""What does a shared synthesizer hide? Two studies that differ in nothing else.

Both have one split and twelve replicates (config/shared-synthesizer.yaml). In one each replicate
trains its own synthesizers, in the other all share the first replicate's. The kept predictions are
in docs/results/shared-synthesizer/, and docs/results/shared-synthesizer.md has the table.
"""

import sys
from math import sqrt
from pathlib import Path

import pandas as pd
from scipy import stats

from augtrial.core.names import contrast_arms
from augtrial.statistics.comparison import compare
from augtrial.statistics.predictions import read_predictions
from benchmarks.paired import ROOT, markdown

FOLDER = ROOT / "docs/results/shared-synthesizer"
FILES = FOLDER / "one-a-replicate.csv.gz", FOLDER / "shared.csv.gz"
CONTRAST = "classic+dcgan - classic"
MACRO, AUC = ("sensitivity", "macro"), ("auc", "macro")


def by_fold(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the difference of macro sensitivity: a row a replicate, a column a fold."""
    right = predictions["predicted"] == predictions["label"]
    keys = ["arm", "replicate", "fold"]
    by_class = right.groupby([predictions[key] for key in [*keys, "label"]]).mean()
    macro = by_class.groupby(keys).mean().unstack("arm")
    a, b = contrast_arms(CONTRAST)
    return (macro[a] - macro[b]).unstack("fold")


def spreads(predictions: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Return standard deviations over replicates in points, and their degrees of freedom."""
    arm = contrast_arms(CONTRAST)[0]
    table = compare(predictions, [CONTRAST])["endpoints"].set_index(["arm", "endpoint", "class"])
    number = predictions["replicate"].nunique()
    folds = by_fold(predictions)
    pooled = sqrt(folds.var().mean())
    return {
        f"macro sensitivity of {arm}": (100 * table.loc[(arm, *MACRO), "sd"], number - 1),
        f"AUC of {arm}": (100 * table.loc[(arm, *AUC), "sd"], number - 1),
        "difference of macro sensitivity": (100 * folds.mean(axis=1).std(), number - 1),
        "the same in one fold": (100 * pooled, folds.shape[1] * (number - 1)),
    }


def row(name: str, own: tuple[float, int], shared: tuple[float, int]) -> list[str]:
    """Return both deviations, the ratio of the variances with its interval, and what is hidden."""
    ratio, df = (own[0] / shared[0]) ** 2, own[1]  # of both studies
    low, high = (ratio / stats.f.ppf(q, df, df) for q in (0.975, 0.025))
    hidden = [shared[0] * sqrt(max(0.0, x - 1)) for x in (ratio, low, high)]
    told = f"{hidden[0]:.1f} ({hidden[1]:.1f} to {hidden[2]:.1f})"
    return [
        name,
        f"{own[0]:.1f}",
        f"{shared[0]:.1f}",
        f"{ratio:.2f} ({low:.2f} to {high:.2f})",
        told,
    ]


def text(own: pd.DataFrame, shared: pd.DataFrame) -> str:
    """Return the table, and how often the shared study's interval would cover the gain."""
    found = spreads(own), spreads(shared)
    rows = [row(name, found[0][name], found[1][name]) for name in found[0]]
    columns = ["standard deviation, points", "one a replicate", "shared", "ratio of variances"]
    difference = compare(shared, [CONTRAST])["contrasts"].set_index(["endpoint", "class"])
    se, df = 100 * difference.loc[MACRO, "se"], difference.loc[MACRO, "df"]
    one_fold = "the same in one fold"
    folds = shared["fold"].nunique()
    hidden = sqrt(max(0.0, found[0][one_fold][0] ** 2 - found[1][one_fold][0] ** 2) / folds)
    width = stats.t.ppf(0.975, df) * se
    covered = 2 * stats.norm.cdf(width / sqrt(se**2 + hidden**2)) - 1
    return (
        f"{markdown([*columns, 'hidden by sharing'], rows)}\n\n"
        f"The 95 % interval of the shared study is {width:.1f} points wide on each side (standard\n"
        f"error {se:.2f}). With {hidden:.1f} points between synthesizers of {folds} folds, it "
        f"covers\nthe mean gain over synthesizers in {100 * covered:.0f} % of studies."
    )


def main() -> None:
    files = [Path(name) for name in sys.argv[1:]] or FILES
    print(text(*map(read_predictions, files)))


if __name__ == "__main__":
    main()
