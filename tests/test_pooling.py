import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from augtrial.classifier import Classifier
from augtrial.pooling import convolve_and_pool, is_quicker


def layer(channels, outputs, seed=0):
    generator = torch.Generator().manual_seed(seed)
    convolution = nn.Conv2d(channels, outputs, 3)
    for parameter in convolution.parameters():
        nn.init.normal_(parameter, generator=generator)
    return convolution.to(memory_format=torch.channels_last), generator


def by_torch(x, convolution):
    return F.relu(F.max_pool2d(convolution(x), 2))


def values_and_gradients(way, x, convolution, weights):
    x = x.clone().requires_grad_()
    convolution.zero_grad()
    values = way(x, convolution)
    (values * weights).sum().backward()
    return values, x.grad, convolution.weight.grad, convolution.bias.grad


@settings(max_examples=30, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.sampled_from([1, 8, 16, 24]),
    outputs=st.integers(1, 19),
    height=st.integers(4, 11),
    width=st.integers(4, 11),
    last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_those_of_the_three_layers(
    images, channels, outputs, height, width, last, seed
):
    convolution, generator = layer(channels, outputs, seed)
    x = torch.randn(images, channels, height, width, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
    values = by_torch(x, convolution)
    weights = torch.randn(values.shape, generator=generator)
    theirs = values_and_gradients(by_torch, x, convolution, weights)
    ours = values_and_gradients(convolve_and_pool, x, convolution, weights)
    for own, other in zip(ours, theirs, strict=True):
        assert own.shape == other.shape
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


def test_what_is_not_above_zero_passes_no_gradient():
    convolution, generator = layer(8, 8)
    nn.init.constant_(convolution.bias, -1e6)
    x = torch.randn(2, 8, 6, 6, generator=generator)
    values, *gradients = values_and_gradients(convolve_and_pool, x, convolution, 1)
    assert not values.any()
    assert not any(gradient.any() for gradient in gradients)


def test_of_equals_the_first_wins_as_in_torch():
    convolution, _ = layer(8, 8)
    nn.init.constant_(convolution.bias, 3)
    x = torch.zeros(1, 8, 6, 6)  # every output is the bias
    ours = values_and_gradients(convolve_and_pool, x, convolution, 1)
    theirs = values_and_gradients(by_torch, x, convolution, 1)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("at", [(0, 0), (2, 3)])
def test_what_is_no_number_stays_none(channels, at):
    convolution, _ = layer(channels, 8)
    x = torch.zeros(1, channels, 8, 8)
    x[0, 0, *at] = float("nan")
    values = convolve_and_pool(x, convolution)
    assert torch.equal(values.isnan(), by_torch(x, convolution).isnan())


def test_the_same_input_gives_the_same_bytes():
    convolution, generator = layer(16, 24)
    x = torch.randn(4, 16, 13, 13, generator=generator)
    first, again = (values_and_gradients(convolve_and_pool, x, convolution, 1) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_other_kinds_of_maps_go_pytorchs_way():
    assert is_quicker(torch.zeros(1, 1, 8, 8))
    assert is_quicker(torch.zeros(1, 16, 8, 8))
    assert not is_quicker(torch.zeros(1, 12, 8, 8))
    assert not is_quicker(torch.zeros(1, 16, 8, 8, dtype=torch.float64))
    assert not is_quicker(torch.zeros(1, 16, 8, 8, device="meta"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not is_quicker(torch.zeros(1, 16, 8, 8))


def test_a_network_learns_what_it_would_by_pytorch_alone(monkeypatch):
    images = torch.rand(6, 1, 38, 38, generator=torch.Generator().manual_seed(1))

    def gradients():
        generator = torch.Generator().manual_seed(2)
        network = Classifier(
            classes=3, size=38, channels=(8, 16, 8), dense=16, generator=generator
        ).to(memory_format=torch.channels_last)
        F.cross_entropy(network(images), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
        return [parameter.grad for parameter in network.parameters()]

    ours = gradients()
    monkeypatch.setattr("augtrial.classifier._convolve_and_pool", by_torch)
    for own, other in zip(ours, gradients(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
