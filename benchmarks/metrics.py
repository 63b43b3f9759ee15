"""Fidelity measures of 5,000 against 5,000 images against the packages that define them.

Run `python -m benchmarks.metrics`: about two minutes on one core. KID beside torch-fidelity's on
all images at once, density and coverage beside prdc's; the same features, the same numbers.
"""

import contextlib
import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch
from prdc import compute_prdc
from torch_fidelity.metric_kid import kid_features_to_metric

from augtrial.fidelity import density_coverage, kid
from benchmarks.paired import markdown, paired

IMAGES, WIDTHS, NEIGHBOURS = 5000, (128, 2048), 5


def features(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features that differ a little, float32 [5000, width]."""
    rng = np.random.default_rng(0)
    one = rng.standard_normal((IMAGES, width), np.float32)
    return one, rng.standard_normal((IMAGES, width), np.float32) + np.float32(0.05)


def megabytes(work: Callable[[], object]) -> float:
    """Return the most memory that NumPy held at a time during a call."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def row(width: int) -> list[list[object]]:
    """Time both measures on features of one width."""
    one, other = features(width)
    as_float64 = [torch.from_numpy(x.astype(np.float64)) for x in (one, other)]
    whole = {"kid_subsets": 1, "kid_subset_size": IMAGES, "verbose": False}

    def prdc() -> float:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how many there are
            found = compute_prdc(real_features=one, fake_features=other, nearest_k=NEIGHBOURS)
        return found["coverage"]

    works = {
        "KID": {
            "theirs": lambda: kid_features_to_metric(*as_float64, **whole),
            "ours": lambda: kid(one, other),
        },
        "density, coverage": {
            "theirs": prdc,
            "ours": lambda: density_coverage(one, other, NEIGHBOURS),
        },
    }
    theirs = {"KID": "torch-fidelity", "density, coverage": "prdc"}
    rows = []
    for name, pair in works.items():
        took = paired(pair, rounds=3)
        peak = {key: megabytes(work) for key, work in pair.items()}
        rows.append(
            [
                f"{name}, {width} features; {theirs[name]}",
                f"{took['theirs']:.2f}",
                f"{took['ours']:.2f}",
                f"{took['theirs'] / took['ours']:.1f}",
                f"{peak['theirs']:.0f}",
                f"{peak['ours']:.0f}",
            ]
        )
    return rows


def text() -> str:
    """Return the table as Markdown."""
    torch.set_num_threads(1)
    columns = ["measure; package", "package, s", "augtrial, s", "package / augtrial"]
    columns += ["package, MB", "augtrial, MB"]
    return markdown(columns, [line for width in WIDTHS for line in row(width)])


if __name__ == "__main__":
    print(text())
