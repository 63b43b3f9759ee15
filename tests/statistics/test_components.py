import pandas as pd
import pytest
from benchmarks.simulation.published import published_contrasts
from hypothesis import given
from hypothesis import strategies as st

import made_up
from augtrial.core.errors import UserError
from augtrial.core.io import read_table, write_table
from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.statistics.components import (
    NAMES,
    SCENARIOS,
    TABLE,
    TERMS,
    balance,
    components_of,
    pilot_components,
    published_components,
    typed_components,
)
from augtrial.statistics.contrasts import contrast_table
from augtrial.statistics.power import Components

MACRO = ("sensitivity", "macro")


@given(*[st.floats(0, 0.2)] * 3, st.integers(2, 1000), st.integers(3, 20))
def test_the_terms_of_a_mean_give_its_components(one, two, three, patients, replicates):
    known = Components(one, two, three)
    terms = dict(zip(TERMS, known.terms(patients, replicates), strict=True))
    found = components_of(terms, patients, replicates)
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(getattr(known, name), abs=1e-12)


def test_unequal_classes_are_worth_fewer_patients_to_a_mean_over_classes():
    assert balance([60, 60, 60], MACRO) == pytest.approx(1)
    assert balance([90, 30], MACRO) == pytest.approx(45 / 60)
    assert balance([90, 30, 0], MACRO) == pytest.approx(45 / 60)
    assert balance([90, 30], ("accuracy", "all")) == 1


def test_the_stored_table_is_that_of_the_published_trials():
    pd.testing.assert_frame_equal(read_table(TABLE), published_contrasts())


@pytest.mark.parametrize("endpoint", PRIMARY_ENDPOINTS.values(), ids=PRIMARY_ENDPOINTS)
def test_every_primary_endpoint_has_a_range_of_published_components(endpoint):
    found = published_components(endpoint, 100, 6)
    variances = [sum(each.terms(100, 6)[:2]) for each in found.components.values()]
    assert list(found.components) == list(SCENARIOS)
    assert 0 < variances[0] <= variances[1] <= variances[2]


def pilot(folder, replicates):
    table = contrast_table(made_up.predictions(replicates=replicates), made_up.CONTRASTS)
    write_table(folder / "tables" / "contrasts.csv", table)
    return table


def test_a_pilot_gives_its_mean_components_and_their_range(tmp_path):
    table = pilot(tmp_path, replicates=6)
    rows = table[(table["endpoint"] == "sensitivity") & (table["class"] == "macro")]
    found = pilot_components(tmp_path, MACRO)
    low, middle, high = (found.components[name] for name in SCENARIOS)
    # Eight lesions of each class: nothing is lost to unequal classes.
    assert middle.both == pytest.approx(rows["v_residual"].mean() * 12 * 6)
    assert low.both < middle.both < high.both
    assert low.replicates <= middle.replicates < high.replicates
    assert "2 contrasts" in found.source


def test_a_pilot_that_cannot_tell_is_named(tmp_path):
    with pytest.raises(UserError, match=r"contrasts\.csv is not there"):
        pilot_components(tmp_path, MACRO)
    pilot(tmp_path, replicates=2)
    with pytest.raises(UserError, match="at least 3 replicates"):
        pilot_components(tmp_path, MACRO)
    write_table(tmp_path / "tables" / "contrasts.csv", pd.DataFrame({"contrast": ["a - b"]}))
    with pytest.raises(UserError, match="no column endpoint"):
        pilot_components(tmp_path, MACRO)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no table"),
        (b"contrast,\xff\n", "is no table"),
        (b"a,b\n1,2\n1,2,3\n", "is no table"),
    ],
)
def test_a_pilot_whose_table_cannot_be_read_is_named(tmp_path, content, told):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/contrasts.csv").write_bytes(content)
    with pytest.raises(UserError, match=told):
        pilot_components(tmp_path, MACRO)


@pytest.mark.parametrize(("column", "value"), [("replicates", "six"), ("v_residual", -0.1)])
def test_a_pilots_number_that_is_none_is_named_with_its_row(tmp_path, column, value):
    table = pilot(tmp_path, replicates=3).astype({column: object})
    table.loc[1, column] = value
    write_table(tmp_path / "tables" / "contrasts.csv", table)
    with pytest.raises(UserError, match=rf"contrasts\.csv: row 3: {column} is {value}; give"):
        pilot_components(tmp_path, MACRO)


def test_typed_components_are_standard_deviations_in_points():
    found = typed_components("patients=20, both=30,replicates=0").components["typed"]
    assert found.patients == pytest.approx(0.04)
    assert found.both == pytest.approx(0.09)
    assert found.replicates == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patients=20,both=30", ["replicates is missing"]),
        ("patient=20", ["did you mean 'patients'"]),
        ("patients=-1,replicates=nan,both=x", ["'patients=-1'", "'replicates=nan'", "'both=x'"]),
        ("patients=0,replicates=1,both=0", ["patients and both are 0"]),
        ("patients=0.15,replicates=0.01,both=0.29", ["give points, 15 and not 0.15"]),
        ("patients=1,patients=1,replicates=0,both=0", ["given twice"]),
        ("15", ["unknown component"]),
        (" ", ["patients is missing", "replicates is missing", "both is missing"]),
    ],
)
def test_typed_nonsense_is_answered_with_every_problem(text, words):
    with pytest.raises(UserError) as told:
        typed_components(text)
    assert all(word in str(told.value) for word in words)
