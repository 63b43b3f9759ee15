import numpy as np
import pandas as pd
import pytest

from augtrial.core.errors import UserError
from augtrial.statistics.curves import curve_table, updates_table
from augtrial.statistics.predictions import place, prediction_rows, read_predictions

LESIONS = pd.DataFrame(
    {"lesion_id": ["007", "8"], "patient_id": ["", ""], "label": ["NA", "1"]}, dtype=str
)
ROWS = prediction_rows(
    LESIONS,
    np.array([[0.9, 0.1], [0.4, 0.6]]),
    ["NA", "1"],
    {"fold": 1, "replicate": 2, "arm": "x"},
)


def test_ids_and_labels_stay_text_through_a_file(tmp_path):
    path = tmp_path / "predictions.csv"
    ROWS.to_csv(path, index=False)
    again = read_predictions(path)
    assert again["lesion_id"].tolist() == ["007", "8"]
    assert again["patient_id"].tolist() == ["", ""]
    assert again["label"].tolist() == ["NA", "1"]
    assert again["predicted"].tolist() == ["NA", "1"]
    assert again["replicate"].tolist() == [2, 2]
    np.testing.assert_allclose(again["p_NA"], [0.9, 0.4])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04\xff\xfe", "this is a spreadsheet or zip file"),
        (b"\x1f\x8b\x08", "is truncated or damaged"),
        ("a,b\n".encode("utf-16"), "looks like UTF-16"),
        (b"a,b\n\xff,1\n", "row 2: byte 0xff"),
        (b"a,b\n\n1,2\n1,2,3\n1\n", "row 4 has 3 cells, but the header has 2"),
        (b"lesion_id,fold\n1,2,\n1,2,\n", "row 2 has 3 cells, but the header has 2"),
        (b"lesion_id;fold;p_a\n1;2;0,3\n", "the cells are separated by semicolons"),
        (b"lesion_id\tfold\n1\t2\n", "the cells are separated by tabs"),
        (b"arm,p_a,arm,p_a,note,note\n", "there are 2 columns 'arm': keep one"),
        (b'arm,note\na,"b"c\n', "row 2 is not valid CSV"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_it_is(tmp_path, content, told):
    path = tmp_path / "predictions.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_predictions([path, path.with_name("predictions.csv")])
    assert caught.value.problems[0].startswith(str(path))
    assert told in caught.value.problems[0]


def test_blank_rows_are_counted_but_not_read(tmp_path):
    path = tmp_path / "predictions.csv"
    header, first, second = ROWS.to_csv(index=False).splitlines()
    blank = "," * header.count(",")
    lines = ["", header.replace(",", ", "), "", first, blank, second, "  ", blank, ""]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    again = read_predictions(path)
    assert again.index.get_level_values("row").tolist() == [4, 6]
    pd.testing.assert_frame_equal(again.reset_index(drop=True), ROWS, check_dtype=False)


def test_a_compressed_table_is_read(tmp_path):
    ROWS.to_csv(tmp_path / "predictions.csv.gz", index=False)
    assert len(read_predictions(tmp_path / "predictions.csv.gz")) == len(ROWS)


@pytest.mark.parametrize("name", ["fold", "replicate"])
@pytest.mark.parametrize("word", ["nan", "NA", "-"])
def test_a_number_that_is_missing_is_no_fold_or_replicate_of_its_own(tmp_path, name, word):
    path = tmp_path / "predictions.csv"
    table = ROWS.astype(object)
    table.loc[1, name] = word
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match=rf"row 3 has no {name}"):
        read_predictions(path)


def test_one_id_in_two_forms_of_unicode_is_one(tmp_path):
    path = tmp_path / "predictions.csv"
    ROWS.assign(patient_id=["Andre\u0301", "Andr\u00e9"]).to_csv(path, index=False)
    assert read_predictions(path)["patient_id"].nunique() == 1


@pytest.mark.parametrize("name", ["lesion_id", "fold", "replicate", "arm", "label", "predicted"])
def test_an_empty_cell_is_named_with_its_row(tmp_path, name):
    path = tmp_path / "predictions.csv"
    table = ROWS.astype(object)
    table.loc[1, name] = ""
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match=rf"predictions\.csv: row 3 has no {name}"):
        read_predictions(path)


def test_rows_are_numbered_as_in_their_file(tmp_path):
    for name in ("a.csv", "b.csv"):
        ROWS.to_csv(tmp_path / name, index=False)
    again = read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert again.index.names == ["file", "row"]
    assert again.index[2] == (str(tmp_path / "b.csv"), 2)
    assert place(again, 3) == f"lesion 8, fold 1, replicate 2, arm x ({tmp_path / 'b.csv'} row 3)"
    assert place(ROWS, 0, ()) == "lesion 007"


def test_numbers_in_one_file_and_words_in_another_are_words(tmp_path):
    ROWS.to_csv(tmp_path / "a.csv", index=False)
    ROWS.assign(replicate="r1").to_csv(tmp_path / "b.csv", index=False)
    again = read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert again["replicate"].tolist() == ["2", "2", "r1", "r1"]
    assert again["fold"].tolist() == [1, 1, 1, 1]


def test_spaces_around_names_do_not_make_other_names(tmp_path):
    path = tmp_path / "predictions.csv"
    ROWS.assign(arm=" x", label=ROWS["label"] + " ").to_csv(path, index=False)
    pd.testing.assert_frame_equal(
        read_predictions(path)[["arm", "label"]].reset_index(drop=True),
        ROWS[["arm", "label"]],
        check_dtype=False,
    )


def test_missing_files_are_all_named(tmp_path):
    with pytest.raises(UserError) as caught:
        read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert len(caught.value.problems) == 2


def test_a_file_that_lacks_a_column_of_the_others_is_named(tmp_path):
    ROWS.to_csv(tmp_path / "a.csv", index=False)
    ROWS.rename(columns={"arm": "Arm"}).assign(note=1).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(UserError) as caught:
        read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    (problem,) = caught.value.problems
    assert problem.endswith("b.csv: no column 'arm', which another file has; did you mean 'Arm'?")


def test_a_curve_has_the_endpoints_of_every_size():
    rows = [
        ROWS.drop(columns="arm").assign(curve="classic", size=size, predicted=predicted)
        for size, predicted in ((0, ["1", "NA"]), (500, ["NA", "1"]))
    ]
    table = curve_table(pd.concat(rows))
    accuracy = table[table["endpoint"] == "accuracy"].set_index("size")["value"]
    assert accuracy.to_dict() == {0: 0.0, 500: 1.0}
    assert set(table["curve"]) == {"classic"}


def test_a_study_without_curves_has_an_empty_table():
    assert curve_table(pd.DataFrame()).columns[:2].tolist() == ["curve", "size"]


def test_accuracy_against_updates_ends_with_the_arms_themselves():
    stops = ROWS.assign(updates=5, predicted=["1", "NA"])
    ends = [ROWS.assign(predicted=["NA", "1"]), ROWS.assign(arm="size")]
    training = pd.DataFrame({"arm": ROWS["arm"].iloc[0], "updates": [10, 30, 20]})
    table = updates_table(stops, pd.concat(ends), training)
    accuracy = table[table["endpoint"] == "accuracy"].set_index("updates")["value"]
    assert accuracy.to_dict() == {5: 0.0, 20: 1.0}
    assert "size" not in set(table["arm"])  # a baseline has no updates
    assert updates_table(pd.DataFrame(), ROWS, training)["updates"].unique().tolist() == [20]


def test_stops_that_some_network_of_an_arm_ends_before_are_left_out():
    """With a budget of epochs a large fold trains on where a small one has ended."""
    stops = pd.concat(
        [ROWS.assign(updates=5), ROWS.iloc[:1].assign(updates=15), ROWS.assign(updates=20)]
    )
    training = pd.DataFrame({"arm": ROWS["arm"].iloc[0], "updates": [10, 30, 20]})
    table = updates_table(stops, ROWS, training)
    assert table["updates"].unique().tolist() == [5, 20]
    assert (table.groupby(["updates", "endpoint", "class"]).size() == 1).all()
