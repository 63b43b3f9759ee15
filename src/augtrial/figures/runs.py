"""Histories of many trainings, read together."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from augtrial.figures.tables import read_table

_PLACE = re.compile(r"replicate(\d+)/fold(\d+)/")
POINTS = 150


def read_histories(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return histories below each other, with the replicate and fold that their paths name."""
    tables = []
    for path in paths:
        replicate, fold = _PLACE.findall(Path(path).as_posix())[-1]
        tables.append(read_table(path).assign(replicate=int(replicate), fold=int(fold)))
    return pd.concat(tables, ignore_index=True)


def thinned(history: pd.DataFrame, *, x: str, y: str, by: list[str]) -> pd.DataFrame:
    """Return at most some 150 points a run: means of y over stretches of x, at their ends.

    Stretches grow with x, since a loss falls fast first and slowly later.
    """
    last = int(history[x].max())
    edges = np.unique(np.geomspace(1, last, POINTS).round().astype(int))
    stretch = edges[np.searchsorted(edges, history[x])]
    return history.groupby([*by, stretch], sort=False)[y].mean().rename_axis([*by, x]).reset_index()
