"""The components that `augtrial plan` brings along, from the tables of the published trials."""

from pathlib import Path

import pandas as pd

from augtrial.core.io import read_table
from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.statistics.components import NAMES, component_table
from augtrial.statistics.verdicts import MIN_REPLICATES

RESULTS = Path(__file__).parents[2] / "docs/results"


def published_contrasts() -> pd.DataFrame:
    """Return the components of every contrast of a trial with enough replicates for a verdict."""
    tables = []
    for path in sorted(RESULTS.glob("*-trial/contrasts.csv")):
        contrasts = read_table(path)
        for endpoint in PRIMARY_ENDPOINTS.values():
            table = component_table(contrasts, endpoint)
            table = table[table["of_replicates"] >= MIN_REPLICATES]
            table.insert(0, "trial", path.parent.name)
            tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    return found[["trial", "contrast", "endpoint", "class", *NAMES, "conditional_on"]].round(2)
