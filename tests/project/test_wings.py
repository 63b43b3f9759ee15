"""Statistics and reporting stand apart from what trains: importing them loads none of it."""

import subprocess
import sys

import pytest

TRAINS = ("torch", "augtrial.training", "augtrial.synthesizers", "augtrial.tasks")
ABOVE = ("augtrial.fidelity", "augtrial.pipeline", "augtrial.jobs", *TRAINS)


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (
            ("augtrial.statistics.comparison", "augtrial.statistics.predictions"),
            ("augtrial.imaging", "augtrial.cohort", "augtrial.reporting", *ABOVE),
        ),
        (
            ("augtrial.reporting.report.page", "augtrial.reporting.figures.drawer"),
            ("augtrial.imaging", "augtrial.cohort", *ABOVE),
        ),
    ],
    ids=["statistics", "reporting"],
)
def test_a_wing_loads_nothing_that_trains(modules, unwanted):
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "print('\\n'.join(sys.modules))"
    command = [sys.executable, "-c", code, *modules]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not [name for name in loaded if name.startswith(unwanted)]
