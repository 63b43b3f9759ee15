"""One way to draw any figure: its kind names the module, the module's function does the rest."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from augtrial.figures.runs import read_histories
from augtrial.figures.style import Drawing, Look
from augtrial.figures.tables import read_arrays, read_table


def draw(
    kind: str, sources: Mapping[str, str | list[str]], look: Look, facts: Mapping[str, Any]
) -> Drawing:
    """Draw a figure by `augtrial.figures.<kind>.draw_<kind>`.

    Args:
        kind: which figure it is.
        sources: the function's tables and arrays by parameter: one table's path, or the paths of
            histories (.csv) or arrays (.npz), which are joined.
        look: names and colours.
        facts: its other parameters.
    """
    function = getattr(import_module(f"augtrial.figures.{kind}"), f"draw_{kind}")
    data = {name: _read(source) for name, source in sources.items()}
    return function(**data, look=look, **facts)


def _read(source: str | list[str]) -> pd.DataFrame | dict[str, np.ndarray]:
    if isinstance(source, str):
        return read_table(source)
    return read_arrays(source) if source[0].endswith(".npz") else read_histories(source)
