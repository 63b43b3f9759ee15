"""Training under the default precision, and by which table it is chosen."""

import numpy as np
import pytest
import torch
from benchmarks import precision as benchmark

from augtrial.tasks.classification.cnn import predict
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.training import precision
from augtrial.training.device import Device, training_device
from small_networks import DCGAN, classifier_training, gan_training, trained_to_its_end

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def has(monkeypatch):
    """Return a function that gives this machine features of others."""

    def fake(*, amx=False, avx512=False, gpu=False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: gpu)

    return fake


def test_a_device_is_known_by_its_best_feature(has):
    has()
    assert [precision.feature(device) for device in (CPU, GPU)] == ["", ""]
    has(avx512=True, gpu=True)
    assert [precision.feature(device) for device in (CPU, GPU)] == ["AVX-512 BF16", "GPU"]
    has(amx=True, avx512=True)
    assert precision.feature(CPU) == "AMX"


@pytest.mark.parametrize("feature", precision.BFLOAT16_FROM)
def test_a_network_trains_in_bfloat16_from_the_least_size_measured(has, feature):
    has(amx=feature == "AMX", avx512=feature == "AVX-512 BF16")
    for kind, least in precision.BFLOAT16_FROM[feature].items():
        assert least > 0
        assert precision.takes_bfloat16(CPU, kind, least)
        assert not precision.takes_bfloat16(CPU, kind, 0.99 * least)


def test_what_was_not_measured_trains_in_float32(has):
    has(amx=True, avx512=True, gpu=True)
    assert not precision.takes_bfloat16(CPU, "no such kind", 1e15)
    assert not precision.takes_bfloat16(GPU, "dcgan", 1e15)
    has()
    assert not precision.takes_bfloat16(CPU, "dcgan", 1e15)


def test_auto_asks_the_table_and_who_names_a_precision_gets_it(has, monkeypatch):
    has(amx=True)
    monkeypatch.setattr(precision, "BFLOAT16_FROM", {"AMX": {"some kind": 5.0}})

    def trains_in(name, multiply_adds):
        with training_device("cpu", name, kind="some kind", multiply_adds=multiply_adds) as device:
            return device.bfloat16

    assert [trains_in("auto", size) for size in (4.0, 5.0)] == [False, True]
    assert [trains_in(name, 4.0) for name in ("float32", "bfloat16")] == [False, True]
    assert not trains_in("float32", 5.0)


def test_the_benchmark_times_both_precisions_in_turn(monkeypatch):
    monkeypatch.setattr(benchmark, "GROUPS", 2)
    monkeypatch.setattr(benchmark, "SECONDS", 0.0)
    settings = FridAdarSettings(channels=[4, 8], hidden_units=8, batch=4)
    kind, widths, size, *times, ratio = benchmark.row("frid_adar", "4-8", settings, 2e9)
    assert (kind, widths, size) == ("frid_adar", "4-8", "2")
    assert all(float(milliseconds) > 0 for milliseconds in times)
    assert " to " in ratio


def test_the_benchmark_measures_every_kind_of_the_table():
    measured = {kind for kind, *_ in benchmark.networks()}
    assert {kind for table in precision.BFLOAT16_FROM.values() for kind in table} <= measured


BFLOAT16 = Device(torch.device("cpu"), bfloat16=True)


@pytest.fixture(params=["auto", "bfloat16"])
def device_for(request):
    """Return a function that gives the device of a kind: as by default, or in bfloat16."""

    def device(kind):
        if request.param == "bfloat16":
            return BFLOAT16
        with training_device(kind=kind) as chosen:
            return chosen

    return device


def test_a_classifier_learns(device_for, striped_classes):
    images, labels = striped_classes
    training = classifier_training(images, labels, updates=80, device=device_for("frid_adar"))
    trained = trained_to_its_end(training)
    assert (predict(trained.network, images)[0].argmax(1) == labels).mean() > 0.95
    assert trained.history[-1]["loss"] < 0.5 * trained.history[0]["loss"]
    assert {p.dtype for p in trained.network.parameters()} == {torch.float32}


def test_a_dcgan_learns(device_for, striped_classes):
    images, labels = striped_classes
    images, labels = images[labels == 1], labels[labels == 1]
    settings = DCGAN.model_copy(update={"epochs": 6, "learning_rate": 0.002})
    training = gan_training(images, labels, settings, device=device_for("dcgan"))
    trained = trained_to_its_end(training)
    assert np.isfinite([list(row.values()) for row in trained.history]).all()
    noise = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    real = torch.from_numpy(images)[:, None].float() / 127.5 - 1
    gan = trained.gan.eval()
    with torch.no_grad():
        assert gan.discriminator(real)[0].mean() > gan.discriminator(noise)[0].mean()
    assert {p.dtype for p in gan.parameters()} == {torch.float32}
