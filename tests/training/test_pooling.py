import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from augtrial.tasks.classification.cnn import Classifier
from augtrial.training.kernels import pooling
from augtrial.training.kernels.pooling import convolve_and_pool, has_loops


def whole(*shape, seed=0):
    """Return whole numbers: all sums of them are exact, and equal ones are frequent."""
    return torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(seed)).float()


def layer(channels, outputs, seed=0):
    convolution = nn.Conv2d(channels, outputs, 3)
    with torch.no_grad():
        for parameter in convolution.parameters():
            parameter.copy_(whole(*parameter.shape, seed=seed))
    return convolution.to(memory_format=torch.channels_last)


def by_torch(x, convolution):
    return F.relu(F.max_pool2d(convolution(x), 2))


def values_and_gradients(way, x, convolution, passed):
    x = x.clone().requires_grad_()
    convolution.zero_grad()
    values = way(x, convolution)
    values.backward(passed.expand(values.shape))
    return values, x.grad, convolution.weight.grad, convolution.bias.grad


def assert_as_by_torch(x, convolution, passed):
    ours = values_and_gradients(convolve_and_pool, x, convolution, passed)
    theirs = values_and_gradients(by_torch, x, convolution, passed)
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine.shape == reference.shape
        assert torch.equal(mine, reference)


@settings(max_examples=40, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.sampled_from([1, 8, 16, 24]),
    outputs=st.integers(1, 19),
    height=st.integers(4, 11),
    width=st.integers(4, 11),
    last=st.booleans(),
    expanded=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_those_of_the_three_layers(
    images, channels, outputs, height, width, last, expanded, seed
):
    x = whole(images, channels, height, width, seed=seed)
    x = x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    shape = images, outputs, (height - 2) // 2, (width - 2) // 2
    passed = torch.ones(()) if expanded else whole(*shape, seed=seed + 1)
    assert_as_by_torch(x, layer(channels, outputs, seed), passed)


def test_what_is_not_above_zero_passes_no_gradient():
    convolution = layer(8, 8)
    nn.init.constant_(convolution.bias, -1e6)
    values, *gradients = values_and_gradients(
        convolve_and_pool, whole(2, 8, 6, 6), convolution, torch.ones(())
    )
    assert not values.any()
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("channels", [1, 8])
def test_of_equals_the_first_wins_as_in_torch(channels):
    convolution = layer(channels, 8)
    nn.init.constant_(convolution.bias, 3)
    assert_as_by_torch(torch.zeros(1, channels, 6, 6), convolution, torch.ones(()))


@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("at", [(0, 0), (2, 3)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_those_of_torch(channels, at, value):
    convolution = layer(channels, 8)
    x = torch.zeros(1, channels, 8, 8)
    x[0, 0, *at] = value
    theirs = by_torch(x, convolution)
    torch.testing.assert_close(convolve_and_pool(x, convolution), theirs, equal_nan=True)


def test_other_kinds_of_layers_go_pytorchs_way():
    image, maps, odd = (torch.zeros(1, channels, 8, 8) for channels in (1, 16, 12))
    assert has_loops(image, layer(1, 5))
    assert has_loops(maps, layer(16, 5))
    assert not has_loops(odd, layer(12, 8))
    assert not has_loops(maps.double(), layer(16, 8))
    assert not has_loops(maps, layer(16, 8).double())
    assert not has_loops(maps.to("meta"), layer(16, 8).to("meta"))
    assert not has_loops(maps[:, :, :3], layer(16, 8))
    for options in ({"kernel_size": 5}, {"padding": 1}, {"stride": 2}, {"bias": False}):
        assert not has_loops(maps, nn.Conv2d(16, 8, **{"kernel_size": 3, **options}))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not has_loops(maps, layer(16, 8))


def test_a_network_learns_what_it_would_by_pytorch_alone(monkeypatch):
    images = torch.rand(6, 1, 38, 38, generator=torch.Generator().manual_seed(1))

    def gradients():
        generator = torch.Generator().manual_seed(2)
        network = Classifier(
            classes=3, size=38, channels=(8, 16, 8), hidden_units=16, generator=generator
        ).to(memory_format=torch.channels_last)
        F.cross_entropy(network(images), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
        return [parameter.grad for parameter in network.parameters()]

    ours = gradients()
    monkeypatch.setattr(pooling, "has_numba", lambda: False)  # as on a machine without numba
    for mine, reference in zip(ours, gradients(), strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)
