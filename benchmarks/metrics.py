"""Fidelity measures between 5,000 and 5,000 images, compared with the packages that define them.

`python -m benchmarks metrics`: about two minutes on one core. KID beside torch-fidelity's on
all images at once, density and coverage beside prdc's; the same features, the same numbers.
"""

import contextlib
import io
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from prdc import compute_prdc
from torch_fidelity.metric_kid import kid_features_to_metric

from augtrial.fidelity.measures import density_coverage, kid
from benchmarks.paired import markdown, paired

IMAGES, WIDTHS, NEIGHBOURS = 5000, (128, 2048), 5


def features(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features that differ a little, float32 [5000, width]."""
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((2, IMAGES, width), np.float32)
    return real, synthetic + np.float32(0.05)


def megabytes(work: Callable[[], object]) -> float:
    """Return the most memory that NumPy held at a time during a call."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def rows(width: int) -> Iterator[list[object]]:
    """Time both measures on features of one width."""
    real, synthetic = features(width)
    as_float64 = [torch.from_numpy(x.astype(np.float64)) for x in (real, synthetic)]
    whole = {"kid_subsets": 1, "kid_subset_size": IMAGES, "verbose": False}
    torch_fidelity = partial(kid_features_to_metric, *as_float64, **whole)
    ours_density = partial(density_coverage, real, synthetic, NEIGHBOURS)

    def prdc() -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how many there are
            compute_prdc(real_features=real, fake_features=synthetic, nearest_k=NEIGHBOURS)

    measures: list[tuple[str, Callable, Callable]] = [
        ("KID, {} features; torch-fidelity", torch_fidelity, lambda: kid(real, synthetic)),
        ("density, coverage, {} features; prdc", prdc, ours_density),
    ]
    for name, package, ours in measures:
        took = paired({"package": package, "ours": ours}, rounds=3)
        ratio = took["package"] / took["ours"]
        times = [f"{took['package']:.2f}", f"{took['ours']:.2f}", f"{ratio:.1f}"]
        yield [name.format(width), *times, *(f"{megabytes(work):.0f}" for work in (package, ours))]


def text() -> str:
    torch.set_num_threads(1)
    columns = ["measure; package", "package, s", "augtrial, s", "package / augtrial"]
    columns += ["package, MB", "augtrial, MB"]
    return markdown(columns, [row for width in WIDTHS for row in rows(width)])
