"""The paper's own results, as data: the reference columns of our tables.

Source of every number, unless another is named: Frid-Adar, Diamant, Klang, Amitai, Goldberger,
Greenspan, "GAN-based Synthetic Medical Image Augmentation for increased CNN Performance in Liver
Lesion Classification", arXiv 1803.01229v1 (2018); Neurocomputing 321:321-331.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from augtrial.statistics.confusion import confusion_endpoints

CLASSES = ("cyst", "metastasis", "hemangioma")
LESIONS = {"cyst": 53, "metastasis": 64, "hemangioma": 65}

CLASSIC = "classic"
DCGAN = "classic + DCGAN"
ACGAN = "classic + ACGAN"
ACGAN_DISCRIMINATOR = "ACGAN discriminator"
BOVW_MI = "BoVW-MI"

# The confusion matrices of the best point of each curve: rows true, columns predicted.
CONFUSION = {
    CLASSIC: np.array([[52, 1, 0], [2, 44, 18], [0, 18, 47]]),
    DCGAN: np.array([[53, 0, 0], [2, 52, 10], [1, 13, 51]]),
}

# The comparison of systems: sensitivity and specificity in percent, as printed.
_NAMES = (*CLASSES, "weighted")
_ROWS = {
    DCGAN: ((100.0, 97.7), (81.2, 89.0), (78.5, 91.4), (85.7, 92.4)),
    CLASSIC: ((98.1, 98.4), (68.7, 83.9), (72.3, 84.6), (78.6, 88.4)),
    BOVW_MI: ((96.3, 96.9), (75.0, 82.2), (66.1, 87.2), (78.0, 88.3)),
}
PRINTED = {system: dict(zip(_NAMES, pairs, strict=True)) for system, pairs in _ROWS.items()}
PRINTED |= {ACGAN: {"weighted": (81.3, 90.0)}, ACGAN_DISCRIMINATOR: {"weighted": (79.1, 88.8)}}

# Figure 8, read off: lesions right of 182 by classic variants per fold, and by images of the
# DCGAN per class and fold on top of 5000 variants.
_CLASSIC_SIZES = (0, 500, 1000, 2000, 3000, 5000, 7500, 10000, 15000)
_CLASSIC_RIGHT = (104, 130, 136, 141, 141, 143, 143, 142, 142)
CURVES = {
    CLASSIC: dict(zip(_CLASSIC_SIZES, _CLASSIC_RIGHT, strict=True)),
    DCGAN: {100: 147, 500: 152, 1000: 156, 2000: 156, 3000: 155, 4000: 155},
}


def reference_endpoints(classes: Iterable[str] = CLASSES) -> pd.DataFrame:
    """Return the paper's results: system, endpoint, class, value (in [0, 1]) and source.

    Printed numbers stay as printed (source "printed"). What the paper does not print but its
    confusion matrices hold, the macro averages and accuracy, is computed from them (source
    "confusion matrix"). Empty for classes other than the paper's.
    """
    rows = [
        (system, endpoint, category, percent / 100, "printed")
        for system, categories in PRINTED.items()
        for category, pair in categories.items()
        for endpoint, percent in zip(("sensitivity", "specificity"), pair, strict=True)
    ]
    for system, matrix in CONFUSION.items():
        for row in confusion_endpoints(matrix, CLASSES).itertuples(index=False, name=None):
            if row[1] in ("macro", "all"):
                rows.append((system, *row, "confusion matrix"))
    table = pd.DataFrame(rows, columns=["system", "endpoint", "class", "value", "source"])
    return table if set(classes) == set(CLASSES) else table.iloc[:0]


def reference_curve(classes: Iterable[str] = CLASSES) -> pd.DataFrame:
    """Return the paper's Figure 8: system, size, correct (lesions), value (accuracy in [0, 1]).

    Empty for classes other than the paper's, as `reference_endpoints`.
    """
    rows = [(system, *point) for system, points in CURVES.items() for point in points.items()]
    table = pd.DataFrame(rows, columns=["system", "size", "correct"])
    table["value"] = table["correct"] / sum(LESIONS.values())
    return table if set(classes) == set(CLASSES) else table.iloc[:0]
