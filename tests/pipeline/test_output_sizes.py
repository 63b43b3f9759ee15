import pytest

from augtrial.core.errors import UserError
from augtrial.pipeline.output_sizes import LISTED, check_sizes, cut_files, record_sizes

WHOLE = b"0123456789"


def make(root, name: str, *outputs: str, inputs: tuple[str, ...] = ()) -> None:
    """Do a job: write its outputs and record their sizes."""
    for output in outputs:
        (root / output).write_bytes(WHOLE)
    record_sizes(
        root / f"logs/{name}.log",
        [root / output for output in outputs],
        [root / path for path in inputs],
    )


@pytest.fixture
def cut_study(tmp_path):
    """A folder of results of which the first was cut short."""
    make(tmp_path, "extract", "rois")
    make(tmp_path, "other", "other")
    make(tmp_path, "train", "network", inputs=("rois", "other"))
    make(tmp_path, "compare", "table", inputs=("network",))
    make(tmp_path, "report", "report", inputs=("table", "other"))
    (tmp_path / "rois").write_bytes(b"0")
    return tmp_path


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_a_result_that_was_cut_short_after_its_job_is_found(tmp_path):
    make(tmp_path, "job", "whole.csv", "cut.pt", "gone.npy")
    assert cut_files(tmp_path / "logs") == []
    (tmp_path / "cut.pt").write_bytes(b"01234")
    (tmp_path / "gone.npy").unlink()
    (file,) = cut_files(tmp_path / "logs")
    assert (file.path, file.size, file.written_size) == (tmp_path / "cut.pt", 5, 10)
    assert {path.name for path in file.affected} == {"whole.csv", "cut.pt", "gone.npy"}


def test_with_a_cut_result_goes_what_was_made_from_it_the_last_first(cut_study):
    (file,) = cut_files(cut_study / "logs")
    assert [path.name for path in file.affected] == ["report", "table", "network", "rois"]


def test_of_two_jobs_that_wrote_one_file_the_later_counts(tmp_path):
    path = tmp_path / "none.pt"
    for name, content in (("b", b"01234"), ("a", WHOLE)):
        path.write_bytes(content)
        record_sizes(tmp_path / "logs" / f"{name}.log", [path])
    assert cut_files(tmp_path / "logs") == []


def test_a_start_names_a_cut_result_says_what_to_do_and_removes_nothing(cut_study):
    before = names(cut_study)
    with pytest.raises(UserError) as told:
        check_sizes(cut_study, repair=False, dry_run=False)
    assert f"{cut_study / 'rois'} has 1 bytes, its job wrote 10" in str(told.value)
    assert "--config repair=true" in str(told.value)
    assert names(cut_study) == before


@pytest.mark.parametrize("repair", [False, True])
def test_a_dry_run_only_tells(cut_study, capsys, repair):
    before = names(cut_study)
    check_sizes(cut_study, repair=repair, dry_run=True)
    assert "rois has 1 bytes" in capsys.readouterr().err
    assert names(cut_study) == before


def test_a_repair_removes_the_cut_result_and_what_was_made_from_it(cut_study, capsys):
    check_sizes(cut_study, repair=True, dry_run=False)
    assert "rois has 1 bytes" in capsys.readouterr().err
    assert names(cut_study) == {"other"}
    check_sizes(cut_study, repair=False, dry_run=False)  # there is nothing more to report


def test_of_many_cut_results_some_are_named(tmp_path):
    outputs = [f"{number:02d}" for number in range(LISTED + 3)]
    make(tmp_path, "job", *outputs)
    for output in outputs:
        (tmp_path / output).write_bytes(b"")
    with pytest.raises(UserError, match="and 3 more"):
        check_sizes(tmp_path, repair=False, dry_run=False)
