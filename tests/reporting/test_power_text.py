from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from augtrial.core.names import NON_INFERIOR
from augtrial.reporting.figures.power import draw_power
from augtrial.reporting.plan import power_text
from augtrial.statistics.power import AS_PLANNED, TRUTHS

MARGIN = 0.03


def table(scenarios=("low", "middle", "high"), roles=("primary", "secondary"), **words):
    """Return a plan whose power is ten times the true difference, and one change of it."""
    rows = [
        {
            **{"design": design, "role": role, "scenario": scenario, "truth": truth},
            **{"power": min(1.0, 10 * truth), "gain": min(1.0, 10 * truth)},
            **{"cannot tell": 1 - min(1.0, 10 * truth), "detectable": 0.08 - 0.01 * place},
            **{"stated_low": 0.07, "stated_high": 0.09, "hours": 1 + place, **words},
        }
        for place, design in enumerate((AS_PLANNED, "one more replicate"))
        for role in roles
        for scenario in scenarios
        for truth in sorted({0.0, MARGIN, 2 * MARGIN, *TRUTHS})
    ]
    return pd.DataFrame(rows)


def line(text, name):
    return next(each.split() for each in text.splitlines() if each.startswith(name))


def test_power_and_verdicts_stand_under_each_scenario():
    text = power_text(table(), MARGIN, secondary=2)
    assert line(text, "5 points") == ["5", "points", *["50"] * 6]
    assert line(text, "found with 80 %")[-6:] == ["8.0"] * 6
    assert line(text, "gain")[1:] == [*["0"] * 3, *["30"] * 3, *["60"] * 3]
    assert line(text, "one more replicate")[3:] == ["7.0", "−1.0", "60", "0"] * 2 + ["2.0"]
    assert "Secondary: one of 2" in text


def test_one_contrast_and_one_scenario_are_a_table_too():
    text = power_text(table(scenarios=["typed"], roles=["primary"]), MARGIN, secondary=0)
    assert line(text, "5 points") == ["5", "points", "50"]
    assert "Secondary" not in text


def test_what_the_design_cannot_show_is_a_warning():
    text = power_text(table(), MARGIN, secondary=2)
    assert "a gain of the margin (3 points) is found in 30 % of such studies at most" in text
    assert '"no relevant difference" is said in 0 % of such studies at most' in text
    able = power_text(table(detectable=0.02, **{"no relevant difference": 0.9}), MARGIN, 2)
    assert "warning" not in able
    assert "warning" not in power_text(table(**{NON_INFERIOR: 0.5}), MARGIN, 2)


@pytest.mark.parametrize("scenarios", [["typed"], ["low", "middle", "high"]])
def test_the_figure_says_in_words_what_it_shows(tmp_path, scenarios):
    drawing = draw_power(table(scenarios=scenarios), MARGIN)
    drawing.save(*(tmp_path / f"plan.{kind}" for kind in ("svg", "pdf", "csv")))
    svg = ElementTree.parse(tmp_path / "plan.svg").getroot()
    assert svg.findtext(".//{http://purl.org/dc/elements/1.1/}description") == drawing.alt
    assert "primary contrast finds with 80 percent power a difference of 8.0" in drawing.alt
    line = drawing.figure.axes[0].get_lines()[2]
    np.testing.assert_allclose(line.get_ydata(), 10 * line.get_xdata())
