from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import study_files
from augtrial.core.errors import UserError
from augtrial.core.io import write_json
from augtrial.jobs.export import export_study
from augtrial.pipeline.provenance import study_facts
from augtrial.pipeline.study import Study

ARMS = {
    "none": {},
    "classic": {"classic": 16},
    "dcgan only": {"originals": False, "synthetic": {"dcgan": 5}},
    "duplicates": {"classic": 8, "duplicates": 4},
    "more": {"classic": 8, "extra_classic": 5},
    "online": {"classic": "online"},
    "texture": {"baseline": "hand-crafted"},
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two replicates in the working directory, whose images are made."""
    monkeypatch.chdir(tmp_path)
    config = study_files.config(arms=ARMS, contrasts=[], replicates=2)
    Path("study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    study = Study.from_config(config)
    study_files.write_images(study)
    return study


def exported(arm, replicate, fold):
    place = Path("out") / arm / f"replicate{replicate}" / f"fold{fold}"
    with np.load(place / "train.npz") as arrays:
        table = pd.read_csv(place / "train.csv", dtype={"lesion_id": str}, keep_default_na=False)
        return dict(arrays), table


def held_out(replicate, fold):
    place = Path("out/held_out") / f"replicate{replicate}" / f"fold{fold}"
    return np.load(place / "images.npz")["images"], pd.read_csv(place / "lesions.csv")


def test_every_arm_that_trains_has_a_set_for_each_replicate_and_fold(study):
    export_study(Path("study.yaml"), Path("out"))
    found = {path.parent.relative_to("out").as_posix() for path in Path("out").rglob("train.npz")}
    arms = [arm for arm in ARMS if arm != "texture"]
    assert found == {f"{arm}/replicate{r}/fold{k}" for arm in arms for r in (1, 2) for k in (1, 2)}
    assert "cyst, hemangioma" in Path("out/README.md").read_text(encoding="utf-8")


def test_no_set_holds_a_lesion_or_an_image_that_its_fold_holds_out(study):
    export_study(Path("study.yaml"), Path("out"))
    for replicate in (1, 2):
        judged = []
        for fold in (1, 2):
            images, lesions = held_out(replicate, fold)
            assert len(images) == len(lesions)
            assert set(lesions["fold"]) == {fold}
            assert set(lesions["replicate"]) == {replicate}
            judged += lesions["lesion_id"].tolist()
            hidden = {image.tobytes() for image in images}
            for arm in ("none", "classic", "dcgan only", "duplicates", "more", "online"):
                arrays, table = exported(arm, replicate, fold)
                assert not set(table["lesion_id"]) & set(lesions["lesion_id"])
                assert not {image.tobytes() for image in arrays["images"]} & hidden
        assert sorted(judged) == sorted(lesion.lesion_id for lesion in study.lesions)


def test_the_table_tells_of_each_image_what_it_is(study):
    export_study(Path("study.yaml"), Path("out"))
    labels = {lesion.lesion_id: lesion.label for lesion in study.lesions}
    for arm, sources in {
        "none": {"roi"},
        "classic": {"roi", "classic"},
        "dcgan only": {"dcgan"},
        "duplicates": {"roi", "classic", "duplicate"},
        "more": {"roi", "classic"},
        "online": {"online"},
    }.items():
        arrays, table = exported(arm, 1, 1)
        assert table["index"].tolist() == list(range(len(arrays["images"])))
        assert table["label"].tolist() == arrays["classes"][arrays["labels"]].tolist()
        assert set(table["source"]) == sources
        known = table[table["source"] != "dcgan"]
        assert [labels[lesion] for lesion in known["lesion_id"]] == known["label"].tolist()
        assert (table.loc[table["source"] == "dcgan", "lesion_id"] == "").all()
    images, rois = {}, {}
    arrays, table = exported("duplicates", 1, 1)
    for row, image in zip(table.itertuples(), arrays["images"], strict=True):
        if row.source == "duplicate":
            assert images[image.tobytes()] == row.lesion_id
        images[image.tobytes()] = row.lesion_id
        if row.source == "roi":
            rois[row.lesion_id] = image.tobytes()
    with np.load("results/made-up/replicate1/part2/rois.npz") as part:
        pairs = zip(part["lesion_id"].tolist(), part["images"], strict=True)
        assert rois == {lesion: image.tobytes() for lesion, image in pairs}


def test_images_that_are_not_made_are_told_with_the_command_that_makes_them(study):
    Path("results/made-up/replicate2/part1/variants.npy").unlink()
    with pytest.raises(UserError) as caught:
        export_study(Path("study.yaml"), Path("out"))
    message = str(caught.value)
    assert "results/made-up/replicate2/part1/variants.npy" in message
    assert "snakemake training_images --cores 2 --configfile study.yaml" in message
    assert not Path("out").exists()


def test_nothing_is_mixed_with_what_a_folder_holds_already(study):
    Path("out").mkdir()
    Path("out/old").touch()
    with pytest.raises(UserError, match="out is not empty"):
        export_study(Path("study.yaml"), Path("out"))


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def finish(study):
    """Write what names a finished study: its record, its lesions and their folds."""
    root = Path(study.root)
    write_json(root / "study.json", study_facts(study))
    rows = [[each.lesion_id, each.patient_id, each.label, "x"] for each in study.lesions]
    columns = ["lesion_id", "patient_id", "label", "image"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "rois.csv", index=False)
    columns = ["lesion_id", "patient_id", "replicate", "fold"]
    pd.DataFrame(study.fold_rows(), columns=columns).to_csv(root / "folds.csv", index=False)
    return root


def test_a_finished_study_is_exported_from_anywhere(study, tmp_path, monkeypatch):
    export_study(Path("study.yaml"), Path("out"))
    first = contents(Path("out"))
    root = finish(study).resolve()
    monkeypatch.chdir(tmp_path.parent)
    export_study(root, tmp_path / "again")
    assert contents(tmp_path / "again") == first


def test_results_in_a_folder_of_another_name_are_told(study):
    moved = finish(study).rename("results/moved")
    with pytest.raises(UserError, match="results of the study 'made-up', which lie in"):
        export_study(moved, Path("out"))


def test_a_folder_without_a_finished_study_is_told(study):
    with pytest.raises(UserError, match=r"no finished study \(study.json is missing\)"):
        export_study(Path("results/made-up"), Path("out"))
