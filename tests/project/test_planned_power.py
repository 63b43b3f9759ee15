"""The power of a plan against simulated studies, and the page that shows a plan."""

from multiprocessing.dummy import Pool

import pandas as pd
import pytest
from benchmarks.simulation.components import FOLDER
from benchmarks.simulation.power import power_table

from augtrial.cli import main
from augtrial.pipeline import machine
from workflow_runs import ROOT


def test_a_plan_is_close_to_a_few_simulated_studies():
    with Pool(1) as pool:
        found = power_table(60, pool, ("182 lesions",)).set_index("truth")
    assert list(found.index) == [0.0, 0.03, 0.05]
    assert found.loc[0.05, "gain, planned"] > 0.6
    assert (found["gain, planned"] - found["gain"]).abs().max() < 0.15  # 60 studies: 6 points


@pytest.mark.parametrize("verdict", ["gain", "no difference"])
def test_a_plan_was_within_five_points_of_every_simulated_cell(verdict):
    measured = pd.read_csv(FOLDER / "power.csv")
    assert measured["studies"].min() >= 1000
    assert (measured[f"{verdict}, planned"] - measured[verdict]).abs().max() <= 0.05


def test_the_page_of_the_plan_shows_what_the_command_prints(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(machine, "_gpu_names", list)
    command, _, rest = (ROOT / "docs/plan.md").read_text().partition("augtrial ")[2].partition("\n")
    assert main(command.split()) == 0
    assert capsys.readouterr().out.strip() == rest.split("```")[1].strip()
