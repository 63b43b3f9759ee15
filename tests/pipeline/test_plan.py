import subprocess
import sys

import pytest

from augtrial.pipeline import machine as module
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.plan import plan_text
from augtrial.pipeline.study import Study
from workflow_runs import ROOT

PAPER = {
    "study": "s",
    "arms": {
        "none": {},
        "classic": {"classic": 5000},
        "gan": {"classic": 5000, "synthetic": {"dcgan": 100}},
    },
}


def test_the_plan_counts_every_training():
    text = plan_text(Study.from_config(PAPER), Machine(cores=8, gpus=1, gpu_name="A GPU"))
    assert "182 lesions of" in text
    assert "54 classifiers (3 arms" in text
    assert "54 synthesizers (54 dcgan)" in text
    assert "1 x A GPU" in text


def test_an_arm_may_have_the_name_of_a_synthesizer():
    arms = {"none": {}, "dcgan": {"originals": False, "synthetic": {"dcgan": 100}}}
    text = plan_text(Study.from_config({**PAPER, "arms": arms}), Machine(cores=8, gpus=0))
    assert "36 classifiers (2 arms" in text
    assert "54 synthesizers (54 dcgan)" in text


def test_more_cores_and_a_gpu_shorten_the_estimate():
    costs = Costs(Study.from_config(PAPER))
    trainings = [*costs.all_synthesizer_trainings(), *costs.all_network_trainings()]
    hours = [
        sum(training.seconds(machine) for training in trainings)
        for machine in (Machine(2, 0), Machine(2, 1, "A GPU"))
    ]
    assert hours[1] < hours[0] / 50


def test_a_machine_without_a_driver_has_no_gpu(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert Machine.here(device="auto", cores=4, gpus=2) == Machine(4, 0, "")


@pytest.mark.parametrize(("told", "used"), [(None, 2), (1, 1), (4, 2)])
def test_no_more_gpus_are_planned_than_there_are_or_were_told(monkeypatch, told, used):
    monkeypatch.setattr(module, "_gpu_names", lambda: ["A", "B"])
    assert Machine.here(device="auto", cores=4, gpus=told).gpus == used
    assert Machine.here(device="cpu", cores=4, gpus=told).gpus == 0


@pytest.mark.parametrize(
    ("told", "words"),
    [(None, "shared by all jobs"), (2, ""), (4, "Up to 4 trainings share 2 GPUs."), (1, "")],
)
def test_the_plan_says_where_jobs_meet_on_a_gpu(monkeypatch, told, words):
    monkeypatch.setattr(module, "_gpu_names", lambda: ["A", "B"])
    machine = Machine.here(device="auto", cores=4, gpus=told)
    text = plan_text(Study.from_config(PAPER), machine)
    assert (words in text) if words else ("share" not in text.splitlines()[-1])


PLANNING = """
import sys
from pathlib import Path

import yaml

from augtrial.pipeline.code_hash import source_hash
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.plan import expected_seconds, plan_text
from augtrial.pipeline.provenance import study_facts
from augtrial.pipeline.registration import entries
from augtrial.pipeline.study import Study

study = Study.from_config(yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8")))
machine, costs = Machine(cores=8, gpus=0), Costs(study, 8)
assert not fit_problems(study)
assert "acgan" in plan_text(study, machine)
assert expected_seconds(study, machine)
assert costs.networks_mb(1) and costs.synthesizer_mb("acgan", 1) and costs.looking_mb()
assert costs.network_threads(1, 1) and costs.synthesizer_threads(1, 1, "dcgan")
assert JobParams(study).trainings(1) and Paths(study).data() and study_facts(study)
assert FigureSpecs(study).drawn_from() and FigureSpecs(study).style()
assert entries(study)["code"]
assert source_hash("synthesizers.acgan", *study.task_modules)
print(*(name for name in ("torch", "numba", "cv2", "matplotlib") if name in sys.modules))
"""


def test_a_study_is_planned_without_pytorch():
    command = [sys.executable, "-c", PLANNING, str(ROOT / "config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
