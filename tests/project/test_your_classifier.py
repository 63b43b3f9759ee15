"""docs/your-classifier.md, followed step by step: its blocks are run as they stand."""

import re
import runpy
import shlex
import sys
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torchvision import models

import study_files
from augtrial.cli import main
from augtrial.config.load import read_settings
from augtrial.core.registry import tasks
from augtrial.pipeline.study import Study
from augtrial.tasks.classification.cnn import predict
from augtrial.tasks.classification.training import ClassifierTraining
from small_networks import CPU, trained_to_its_end
from workflow_runs import ROOT, Run

PAGE = (ROOT / "docs" / "your-classifier.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def blocks(language):
    return [text for found, text in BLOCKS if found == language]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the page's two modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, text in zip(("mynet.py", "elsewhere.py"), blocks("python"), strict=True):
        Path(name).write_text(text, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("mynet", None)


def classifier(block, **changes):
    study = {"study": "s", "arms": {"none": {}}, **yaml.safe_load(block)}
    study["classifier"].update(changes)
    return read_settings(study).classifier


def test_both_ways_take_twenty_lines():
    assert all(len(text.strip().splitlines()) <= 22 for _, text in BLOCKS)


def test_the_pages_network_fits_and_learns(folder, striped_classes):
    images, labels = striped_classes
    settings, task = classifier(blocks("yaml")[0]), tasks["classification"]
    assert list(task.check(settings, classes=3, size=64)) == []
    options = {"updates": 40, "full_batches": True, "classes": 2, "seed": 1, "device": CPU}
    trained = trained_to_its_end(ClassifierTraining(images, labels, settings, **options))
    assert (predict(trained.network, images)[0].argmax(1) == labels).mean() > 0.9


def test_the_pages_torchvision_network_begins_from_its_file(folder):
    settings, task = classifier(blocks("yaml")[1]), tasks["classification"]
    (problem,) = task.check(settings, classes=3, size=64)
    assert "weights/resnet18.pth does not exist" in problem
    Path("weights").mkdir()
    torch.save(models.resnet18().state_dict(), "weights/resnet18.pth")
    assert list(task.check(settings, classes=3, size=64)) == []
    for refused in re.findall(r"\(`(\w+)`\)", PAGE.split("What the study does")[0]):
        assert list(
            task.check(
                classifier(blocks("yaml")[1], architecture=refused, weights=""), classes=3, size=64
            )
        )


def test_predictions_made_elsewhere_get_their_verdict(folder, capsys):
    config = study_files.config(replicates=6)
    Path("mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    study_files.write_images(Study.from_config(config))
    for line in "".join(blocks("sh")).splitlines():
        program, *words = shlex.split(line)
        if program == "augtrial":
            paths = [path for word in words for path in sorted(glob(word)) or [word]]
            assert main(paths) == 0
        elif program == "python":
            runpy.run_path(words[0])
    assert "classic+dcgan − classic (primary): " in capsys.readouterr().out
    assert len(list(Path("predictions").iterdir())) == 2 * 6 * 2
    endpoints = pd.read_csv("tables/endpoints.csv")
    few = endpoints["endpoint"] == "auc"  # the study is too small for one
    assert np.isfinite(endpoints["value"][~few]).all()
    right = endpoints[endpoints["endpoint"] == "accuracy"]["value"]
    assert (right > 0.9).all()  # bright and dark are told apart: labels and images fit together


def test_the_pages_columns_are_those_that_compare_asks_for():
    from augtrial.statistics.panel import COLUMNS

    table = PAGE.split("| column | meaning |")[1]
    named = re.findall(
        r"`([\w<>]+)`", "".join(re.findall(r"^\|(.*?)\|", table, flags=re.MULTILINE))
    )
    assert set(named) == {*COLUMNS, "predicted", "p_<class>"}


def test_the_training_images_need_no_classifier(tmp_path):
    (command,) = [line for line in "".join(blocks("sh")).splitlines() if "snakemake" in line]
    target = shlex.split(command)[1]
    planned = Run(tmp_path).planned(target)
    assert "train_synthesizer" in planned
    assert "train_classifiers" not in planned
    assert "predict_replicate" not in planned
