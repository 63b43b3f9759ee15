"""The job of the record: where the numbers of a study came from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augtrial.core.io import write_json
from augtrial.pipeline.provenance import devices, versions


def record_study(facts: Mapping[str, Any], trainings: Sequence[str], *, record: str | Path) -> None:
    """Write the record of a study: its facts, the versions of the software, and the devices."""
    write_json(record, {**facts, "versions": versions(), "devices": devices(trainings)})
