"""Whether a network's samples repeat each other, and how many training lesions they are alike to.

It is looked at while the network trains, as a warning: no network and no setting is chosen by it,
and no lesion is read that the network does not learn from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augtrial.core.names import MIN_LESIONS
from augtrial.fidelity.fitness import NEIGHBOURS, layout, near_duplicates
from augtrial.fidelity.measures import density_coverage

REPEATED = 0.25  # near-duplicates above the lesions' own, from which on there is a warning
COVERED = 0.25  # coverage below which there is one


@dataclass(frozen=True)
class Diversity:
    """Shares in [0, 1]: near-duplicates of samples and of lesions, and lesions that are covered.

    All are NaN where there are fewer than ten lesions.
    """

    near_duplicates: float
    of_lesions: float
    coverage: float

    @property
    def is_low(self) -> bool:
        """Whether the samples repeat each other far more than lesions do, or cover few lesions."""
        return self.near_duplicates > self.of_lesions + REPEATED or self.coverage < COVERED

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"{100 * self.near_duplicates:.0f} % of its samples repeat each other (training "
            f"lesions: {100 * self.of_lesions:.0f} %); coverage {100 * self.coverage:.0f} %"
        )


def diversity(samples: np.ndarray, lesions: np.ndarray) -> Diversity:
    """Return the diversity of samples uint8 [n, s, s] beside lesions' ROIs uint8 [m, s, s].

    At most n lesions are used, evenly spread over all: chance repetitions depend on the number.
    Coverage is that of layouts, with k = 5.
    """
    if len(lesions) < MIN_LESIONS:
        return Diversity(np.nan, np.nan, np.nan)
    spread = np.linspace(0, len(lesions) - 1, min(len(samples), len(lesions))).astype(int)
    known = lesions[spread]
    coverage = density_coverage(layout(known), layout(samples), NEIGHBOURS)[1]
    return Diversity(near_duplicates(samples, known), near_duplicates(known, known), coverage)


class DiversityWatch:
    """Looks at a network's samples while it trains, and prints a warning for each class."""

    def __init__(
        self, synthesizer: str, lesions: Mapping[str, np.ndarray], classes: Sequence[str]
    ) -> None:
        """Keep the training lesions' ROIs uint8 [n, s, s] by class; `classes` it draws."""
        self.synthesizer, self.lesions, self.classes = synthesizer, lesions, classes

    def __call__(self, samples: np.ndarray, update: int) -> dict[str, float]:
        """Return near-duplicates and coverage of samples [classes, n, s, s], means over classes."""
        rows = []
        for label, images in zip(self.classes, samples, strict=True):
            found = diversity(images, self.lesions.get(label, images[:0]))
            rows.append({"near_duplicates": found.near_duplicates, "coverage": found.coverage})
            if found.is_low:
                print(f"warning: {self.synthesizer}, {label}, update {update}: {found}", flush=True)
        return {name: float(mean) for name, mean in pd.DataFrame(rows).mean().items()}
