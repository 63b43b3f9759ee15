"""Each benchmark at a tiny size; of those that run whole studies, what makes their tables."""

import functools
import gc
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from benchmarks import (
    __main__,
    engines,
    growth,
    kill_anything,
    memorisation_simulation,
    memory,
    metrics,
    overhead,
    phantom_difficulty,
    planted_faults,
    quality,
    shared_synthesizer,
    stages,
    variants,
)
from benchmarks.costs import Bench, Cost, cost
from benchmarks.paired import Seconds, paired

from augtrial.config.cohort import ClassicSettings
from augtrial.core.io import write_json, write_table
from augtrial.pipeline.provenance import study_facts
from augtrial.pipeline.study import Study
from augtrial.statistics.predictions import read_predictions
from augtrial.training.kernels import pooling

ROOT = Path(__file__).parents[2]
FEW = {"cyst": 3, "metastasis": 3, "hemangioma": 3}
MB = 2**20


def tables(text: str) -> list[dict[str, dict[str, str]]]:
    """Return each Markdown table of a text: first cell of a row -> column -> cell."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            head, _, *lines = (
                [c.strip() for c in x.strip("|").split("|")] for x in block.split("\n")
            )
            found.append({line[0]: dict(zip(head, line, strict=True)) for line in lines})
    return found


def ratio(row: dict[str, str], one: str, other: str) -> float:
    return float(row[one]) / float(row[other])


def test_engines_stand_beside_plain_loops_and_the_classifier_without_its_pooling_loops(monkeypatch):
    monkeypatch.setattr(engines, "CLASSIFIERS", [("tiny", [8, 8], 16, 2)])
    monkeypatch.setattr(engines, "SYNTHESIZERS", [("tiny", [8, 8, 8, 8], 4, 1)])
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    rates, gans = tables(engines.text())
    row = rates["tiny: 8-8, dense 16"]
    assert float(row["augtrial / plain"]) == pytest.approx(
        ratio(row, "augtrial", "plain PyTorch"), abs=0.02
    )
    with_loops = ratio(row, "augtrial", "augtrial without pooling loops")
    assert float(row["with / without loops"]) == pytest.approx(with_loops, abs=0.02)
    assert list(gans) == ["tiny: 8-8-8-8, batch 4"]


def test_pooling_loops_are_left_out_for_one_measurement_alone():
    seen = []
    engines.without_loops(lambda: seen.append(pooling.has_numba()))
    assert [*seen, pooling.has_numba()] == [False, True]


def test_images_of_both_loops_are_measured_once_a_seed(monkeypatch, tmp_path):
    sizes = {"TRAINING": 2, "FRESH": 5, "SAMPLES": 8, "EPOCHS": 1, "SEEDS": range(21, 23)}
    sizes |= {"CHANNELS": [8, 8, 8, 8], "VALUES": tmp_path / "quality.csv"}
    for name, value in sizes.items():
        monkeypatch.setattr(quality, name, value)
    quality.variants.cache_clear()
    text = quality.text()
    (table,) = tables(text)
    assert list(table)[:2] == ["plain PyTorch", "augtrial"]
    values = pd.read_csv(tmp_path / "quality.csv")
    assert values["seed"].tolist() == [21, 22]
    assert float(table["augtrial"]["median"]) == pytest.approx(
        values["augtrial"].median(), abs=0.01
    )
    assert table["plain PyTorch"]["p"] == ""
    assert 0 <= float(table["augtrial"]["p"]) <= 1
    monkeypatch.setattr(quality, "of_seed", None)  # nothing is left to measure
    assert quality.text() == text
    quality.variants.cache_clear()


def test_variants_are_cut_in_each_way(monkeypatch):
    few = ClassicSettings(n_rotations=1, n_flips=1, n_translations=1, n_scales=1)
    sizes = {"PAPER": dict.fromkeys(FEW, 1), "FEW": 1, "CLASSIC": few}
    for name, value in sizes.items():
        monkeypatch.setattr(variants, name, value)
    text = variants.text()
    (table,) = tables(text)
    assert "All 12 variants of 3 lesions" in text
    assert list(table)[:3] == ["augtrial", "plain OpenCV loop", "albumentations"]
    assert table["augtrial"]["augtrial / this"] == "1.0"
    assert all(float(table[way]["variants a second"]) > 0 for way in list(table)[:3])


def test_measures_stand_beside_the_packages_that_define_them(monkeypatch):
    monkeypatch.setattr(metrics, "IMAGES", 400)
    monkeypatch.setattr(metrics, "WIDTHS", (16,))
    (table,) = tables(metrics.text())
    first, second = table
    assert first == "KID, 16 features; torch-fidelity"
    assert second == "density, coverage, 16 features; prdc"
    assert all(float(row["package / augtrial"]) > 0 for row in table.values())
    assert float(table[second]["package, MB"]) > 0


@pytest.mark.parametrize(
    ("stage", "more"),
    [
        (stages.reading, ()),
        (stages.checking, ()),
        (stages.splitting, ()),
        (stages.extracting, ()),
        (stages.varying, (10,)),
        (stages.assembling, (10, "all")),
        (stages.predicting, ()),
        (stages.comparing, (2, 2)),
        (stages.describing, ()),
        (stages.appraising, ()),
        (stages.embedding, ()),
        (stages.neighbouring, ()),
        (stages.drawing, ()),
        (stages.graphing, (2, 1, 3)),
    ],
)
def test_each_stage_of_a_study_runs(cohort, stage, more, monkeypatch):
    monkeypatch.chdir(cohort)
    if stage is not stages.extracting:  # the others find what it wrote
        cost(stages.extracting, cohort, 60)
    found = cost(stage, cohort, 60, *more)
    assert found.seconds > 0
    if stage in growth.WRITE:
        assert found.result > 0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """Pictures of 60 lesions."""
    folder = tmp_path_factory.mktemp("growth")
    stages.draw_cohort(folder, 60)
    return folder


def test_a_stage_runs_in_a_process_of_its_own(cohort):
    found = Bench(cohort).cost(stages.reading, 60)
    assert found.seconds > 0
    assert found.resident >= found.held


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [(stages.training, (64, 1)), (stages.synthesizing, (16,)), (stages.sampling, (2,))],
)
def test_each_kind_of_step_runs(tmp_path, stage, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cost(stage, tmp_path, *arguments).seconds > 0


def test_a_stage_costs_what_it_holds_and_tells(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def stage(folder: Path, megabytes: int):
        yield
        memory = np.ones(megabytes * MB, np.uint8)
        until = pd.Timestamp.now() + pd.Timedelta(seconds=0.1)
        while pd.Timestamp.now() < until:
            memory[::4096] += 1
        yield 7.0

    gc.collect()  # what other tests left may still be freed meanwhile
    found = cost(stage, tmp_path, 200)
    assert found.held == pytest.approx(200 * MB / 1e6, abs=60)
    assert found.seconds > 0.05
    assert found.result == 7.0


def test_growth_is_told_for_every_stage(monkeypatch):
    class Made:
        def __init__(self, folder):
            pass

        def cost(self, stage, size, *more):
            return Cost(seconds=0.001 * size, held=0.1 * size, resident=5, result=7)

    monkeypatch.setattr(growth, "Bench", Made)
    monkeypatch.setattr(stages, "draw_cohort", lambda *words: None)
    times, sizes, files, made, steps, comparisons, graphs = tables(growth.text())
    assert len(times) == len(sizes) == len(growth.STAGES)
    row = times["ROIs of a part"]
    assert [row[size] for size in ("182", "546", "1,820", "18,200")] == [
        *("0.18", "0.55", "1.82", "18.20")
    ]
    assert (row["exponent"], row["10^6, a job"]) == ("1.0", "17 min")
    assert sizes["ROIs of a part"]["10^6, a job"] == "100.0 GB"
    assert len(files) == 3
    assert made["480"]["made, s"] == "0.5"
    assert steps["classifier, update of 64"]["ms"] == "3200.0"
    assert comparisons["16"]["held, MB"] == "55"
    assert graphs["16"]["networks"] == "1536"


def test_a_law_of_growth_is_found():
    sizes = [182, 1820, 18200]
    power, most = growth.law(sizes, [3 + 0.002 * (n - 182) ** 1.5 for n in sizes])
    assert power == pytest.approx(1.5)
    assert most == pytest.approx(3 + 0.002 * (1e6 - 182) ** 1.5)


def test_core_seconds_of_a_study_go_to_trainings_starts_work_and_idling(tmp_path):
    results = tmp_path / "results/quick"
    for rule, job, took in (
        ("make_variants", "a", 3),
        ("train_arm", "a", 10),
        ("train_arm", "b", 6),
    ):
        path = results / f"benchmarks/{rule}/{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{took}\t100\n")
    logs = results / "logs/train_arm"
    logs.mkdir(parents=True)
    (logs / "a.log").write_text("none: 3\ntrained 30 updates in 7.50 s\nclassic: 3\n")
    (logs / "b.log").write_text("trained 30 updates in 4.50 s\ntrained 9 updates in 2.00 s\n")
    told = (
        "rule train_arm:\n    benchmark: results/quick/benchmarks/train_arm/a.tsv\n    threads: 2"
    )
    threads = overhead.given_threads(f"Building DAG\n\n{told}\n\nrule make_variants:\n    jobid: 1")
    took = overhead.jobs(tmp_path, threads)
    assert {rule: sorted(seconds) for rule, seconds in took.items()} == {
        "train_arm": [6.0, 20.0],
        "make_variants": [3.0],
    }
    trained, starts = overhead.training_seconds(tmp_path), {"train_arm": 2.0, "make_variants": 1.0}
    assert trained == 14
    row = overhead.study_row("whole", 20.0, 2, trained, took, starts)
    # 40 core seconds: 14 trained, 5 started, the rest of 29 worked, 11 idle.
    assert row == ["whole", "20", "14", "5", "10", "11", "65 %"]
    assert overhead.rule_rows(took, starts)[0] == ["train_arm", 2, "2.0", "13.0", "26"]


def test_the_four_arms_and_the_start_of_each_rule_are_those_of_the_workflow():
    config = yaml.safe_load(overhead.QUICK.read_text(encoding="utf-8"))
    four = overhead.four_arms(config)
    assert list(four["arms"]) == list(overhead.FOUR)
    assert four["contrasts"] == [c for c in config["contrasts"] if "more" not in c]
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    timed = {name for name in re.findall(r"<benchmarks>/(\w+)", text)}
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    assert {overhead.SCRIPTS.get(rule, rule) for rule in timed} <= scripts
    assert overhead.start_seconds("write_folds") > 0


def test_what_jobs_asked_for_stands_beside_what_they_took(tmp_path):
    study = Study.from_config(yaml.safe_load((ROOT / "config/tiny.yaml").read_text()))
    write_json(tmp_path / "study.json", study_facts(study))
    rows = [
        (lesion.lesion_id, lesion.patient_id, lesion.label, lesion.image)
        for lesion in study.lesions
    ]
    columns = ["lesion_id", "patient_id", "label", "image"]
    write_table(tmp_path / "rois.csv", pd.DataFrame(rows, columns=columns))
    columns = ["lesion_id", "patient_id", "replicate", "fold"]
    write_table(tmp_path / "folds.csv", pd.DataFrame(study.fold_rows(), columns=columns))
    for job, took in (("a", 400), ("b", 500)):
        path = tmp_path / f"benchmarks/train_synthesizer/{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n60\t{took}\n")
    (table,) = tables(memory.text([tmp_path], 2))
    (row,) = table.values()
    assert row["study: rule"] == f"{tmp_path.name}: train_synthesizer"
    assert row["took, MB"] == "500"
    assert float(row["asked / took"]) == pytest.approx(float(row["asked, MB"]) / 500, abs=0.06)
    assert float(row["asked, min"]) >= float(row["took, min"]) == 1.0


def test_results_are_compared_without_logs_times_and_drafts(tmp_path):
    results = tmp_path / "results/tiny"
    for name in ("a.csv", "logs/a.log", "benchmarks/a.tsv", ".checkpoints/a", "part1/.5.b.npz"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(name)
    before = kill_anything.digests(tmp_path)
    assert list(before) == ["results/tiny/a.csv"]
    (results / "a.csv").write_text("other")
    assert kill_anything.digests(tmp_path) != before


def test_the_phantom_is_told_by_rulers_features_and_the_network(monkeypatch, capsys):
    sizes = {"PAPER": FEW, "COHORTS": 1, "TRAIN": 9, "TEST": 9, "EPOCHS": 1}
    for name, value in sizes.items():
        monkeypatch.setattr(phantom_difficulty, name, value)
    phantom_difficulty.main()
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    rows = {
        line[0]: [float(cell) for cell in line[1:]]
        for line in lines
        if line[0][:3] in ("SVM", "CNN")
    }
    assert len(rows) == 2 * 4 + 2
    assert "SVM, log diameter only; built-in 9" in rows
    assert "CNN trained on 9 fresh lesions; 9 fresh lesions" in rows
    for right, *classes in rows.values():
        assert right == pytest.approx(np.mean(classes), abs=0.1)  # of equally many lesions each


def test_the_search_for_copies_is_simulated(monkeypatch):
    simulation = memorisation_simulation
    copying = functools.partial(simulation.copying, share=1.0)
    draws = {"new lesions": simulation.DRAWS["new lesions"], "copies": copying}
    sizes = {"SAMPLES": 10, "LESIONS": 50, "COHORTS": (30,), "DRAWS": draws}
    for name, value in sizes.items():
        monkeypatch.setattr(simulation, name, value)
    simulation.all_lesions.cache_clear()
    (rows,) = tables(simulation.table(2, map))
    honest, copied = (rows[name]["30 lesions"].split(" / ") for name in draws)
    assert honest[1] == "0.0"
    assert copied[1] == "100.0"
    assert simulation.whole_studies(("x", copying, 30, 1)) == {"before": 1, "after": 1}
    simulation.all_lesions.cache_clear()


def test_works_are_timed_in_turn_and_the_median_counts():
    seen, times = [], iter([0, 0, 5, 3, 1, 30, 2, 4])

    def work(name: str):
        seen.append(name)
        return Seconds(next(times))

    took = paired({"a": lambda: work("a"), "b": lambda: work("b")}, rounds=3)
    assert seen == ["a", "b"] * 4
    assert took == {"a": 2, "b": 4}


def test_the_page_keeps_what_other_machines_and_parts_measured():
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    blocks = __main__.read(page)
    assert list(blocks) == [title for title in __main__.PARTS if title in blocks]
    assert __main__.written(blocks) == page
    command = "`python -m benchmarks engines` on"
    blocks["Training engines"]["A GPU"] = f"{command} A GPU, PyTorch 2.\n\n| a table |"
    assert __main__.read(__main__.written(blocks)) == blocks


def test_planted_faults_are_found_and_new_lesions_are_not(monkeypatch):
    kept = ("none: new lesions", "collapse: images of 1 lesion", "grain (sd 40 grey levels)")
    monkeypatch.setattr(planted_faults, "FAULTS", {k: planted_faults.FAULTS[k] for k in kept})
    monkeypatch.setattr(planted_faults, "SIDE", 32)
    monkeypatch.setattr(planted_faults, "ROI", planted_faults.ROI.model_copy(update={"size": 32}))
    measures = planted_faults.of_seed(1, lesions=24, samples=20, updates=20)
    (rows,) = tables(planted_faults.text(measures))
    told = {name: row["the rule, by the median"] for name, row in rows.items()}
    assert set(told) == set(kept)
    assert "collapsed" in told["collapse: images of 1 lesion"]
    assert "is grainy" in told["grain (sd 40 grey levels)"]


def test_what_sharing_hides_follows_from_the_kept_predictions():
    page = (ROOT / "docs/results/shared-synthesizer.md").read_text(encoding="utf-8")
    own, shared = map(read_predictions, shared_synthesizer.FILES)
    assert shared_synthesizer.text(own, shared) in page
    plain = [table[table["arm"] == "classic"].reset_index(drop=True) for table in (own, shared)]
    pd.testing.assert_frame_equal(*plain)
