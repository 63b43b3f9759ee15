"""The job that draws the built-in cohort."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augtrial.cohort.phantom.cohort import write_cohort


def draw_phantom(*, table: str | Path, phantom: Mapping[str, Any], processes: int) -> None:
    """Write the built-in cohort beside its lesion table, `processes` patients at a time."""
    write_cohort(Path(table).parent, **phantom, processes=processes)
