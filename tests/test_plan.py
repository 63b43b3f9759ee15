import dataclasses

import pytest
import torch

from augtrial import machine as module
from augtrial.classifier import Classifier
from augtrial.machine import Machine
from augtrial.plan import disk_bytes, plan_text
from augtrial.settings import ClassifierSettings, DcganSettings
from augtrial.study import Study
from augtrial.synthesizers.adversarial import build_pair
from augtrial.work import classifier_work, synthesizer_work, trainings

PAPER = {
    "study": "s",
    "arms": {
        "none": {},
        "classic": {"classic": 5000},
        "gan": {"classic": 5000, "synthetic": {"dcgan": 100}},
    },
}


def counted(network, *inputs) -> int:
    """Count multiply-adds with hooks on the layers, an independent way."""
    total = 0

    def hook(layer, given, output):
        nonlocal total
        weight = layer.weight
        if isinstance(layer, torch.nn.Linear):
            total += weight.numel()
        elif isinstance(layer, torch.nn.ConvTranspose2d):
            total += weight.numel() * given[0].shape[-1] ** 2
        else:
            total += weight.numel() * output.shape[-1] ** 2

    for layer in network.modules():
        if hasattr(layer, "weight") and not isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(hook)
    network(*inputs)
    return total


def test_the_work_of_the_networks_is_that_of_their_layers():
    assert classifier_work(ClassifierSettings(), 64, 3) == counted(
        Classifier(classes=3).to("meta"), torch.zeros(1, 1, 64, 64, device="meta")
    )
    pair = build_pair(DcganSettings(), classes=1, size=64).eval()
    generator, discriminator = synthesizer_work(DcganSettings())
    assert generator == counted(pair.generator, torch.zeros(1, 100))
    head = 16 * 1024
    assert discriminator + head == counted(pair.discriminator, torch.zeros(1, 1, 64, 64))


def test_the_plan_counts_every_training():
    text = plan_text(Study.from_config(PAPER), Machine(cores=8, gpus=1, gpu_name="A GPU"))
    assert "182 lesions of" in text
    assert "54 classifiers (3 arms" in text
    assert "54 synthesizers (54 dcgan)" in text
    assert "1 x A GPU" in text


def test_more_cores_and_a_gpu_shorten_the_estimate():
    study = Study.from_config(PAPER)
    hours = [
        sum(job.seconds(machine) for job in trainings(study))
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


def test_disk_grows_with_the_variants():
    small = Study.from_config(PAPER)
    settings = small.settings.model_copy(
        update={"classic": small.settings.classic.model_copy(update={"rotations": 60})}
    )
    large = Study(settings, small.cohort, small.classes)
    added = disk_bytes(large) - disk_bytes(small)
    assert added == 182 * 480 * 4096 * 6
    assert dataclasses.is_dataclass(Machine)
