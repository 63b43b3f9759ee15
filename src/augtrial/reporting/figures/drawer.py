"""Draw any figure: its kind names the module, whose function draws it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core.io import read_arrays, read_histories, read_table
from augtrial.reporting.figures.style import Drawing, FigureStyle


def draw(
    kind: str, sources: Mapping[str, str | list[str]], style: FigureStyle, facts: Mapping[str, Any]
) -> Drawing:
    """Draw a figure by `reporting.figures.<kind>.draw_<kind>`.

    `sources` are the function's tables and arrays by parameter: one table's path, or the paths of
    histories (.csv) or arrays (.npz), which are joined; `facts` are its other parameters.
    """
    function = getattr(import_module(f"augtrial.reporting.figures.{kind}"), f"draw_{kind}")
    data = {name: _read(source) for name, source in sources.items()}
    return function(**data, style=style, **facts)


def _read(source: str | list[str]) -> pd.DataFrame | dict[str, np.ndarray]:
    if isinstance(source, str):
        return read_table(source)
    return read_arrays(source) if source[0].endswith(".npz") else read_histories(source)
