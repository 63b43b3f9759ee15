import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from augtrial.settings import DcganSettings
from augtrial.synthesizers import layers, winograd
from augtrial.synthesizers.adversarial import build_pair
from augtrial.synthesizers.layers import Doubling, FromImage, Halving, ToImage
from small_networks import SMALL_PAIR

PLAIN = {Halving: nn.Conv2d, Doubling: nn.ConvTranspose2d}


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def whole(*shape, seed=0):
    """Return whole numbers, whose halves and sums are exact."""
    return torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(seed)).float()


def values_and_gradients(layer, maps, passed, double=False):
    """Return a layer's values, and the gradients of its maps and weights, in float64 if double."""
    layer.zero_grad()
    layer, maps, passed = (each.double() if double else each for each in (layer, maps, passed))
    maps = maps.clone().requires_grad_()
    values = layer(maps)
    values.backward(passed.expand(values.shape))
    gradients = maps.grad, layer.weight.grad
    layer.float()
    return values, *gradients


def by_torch(layer):
    """Return PyTorch's own layer with the weights of this one."""
    after, before = layer.out_channels, layer.in_channels
    more = {"output_padding": 1} if isinstance(layer, Doubling) else {}
    plain = PLAIN[type(layer)](before, after, 5, 2, 2, bias=False, **more)
    plain.load_state_dict(layer.state_dict())
    return plain


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from([Halving, Doubling]),
    images=st.integers(1, 9),
    before=st.sampled_from([8, 16, 48]),
    after=st.sampled_from([8, 16, 32]),
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    last=st.booleans(),
    expanded=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_spared_products_give_the_values_and_gradients_of_pytorch(
    kind, images, before, after, rows, columns, last, expanded, seed
):
    big, small = (4 * rows, 4 * columns), (2 * rows, 2 * columns)
    sides, out = (big, small) if kind is Halving else (small, big)
    layer = kind(before, after, 5)
    form = torch.channels_last if last else torch.contiguous_format
    layer.to(memory_format=form)
    maps = random(images, before, *sides, seed=seed).contiguous(memory_format=form)
    assert layers._has_products(maps, layer)
    passed = torch.ones(()) if expanded else random(images, after, *out, seed=seed + 1)
    ours = values_and_gradients(layer, maps, passed)
    theirs = values_and_gradients(by_torch(layer), maps, passed, double=True)
    for own, other in zip(ours, theirs, strict=True):
        assert own.shape == other.shape
        assert (own - other).abs().max() < 3e-5 * other.abs().max()


@pytest.mark.parametrize("kind", [Halving, Doubling])
def test_few_tiles_are_exact_where_the_arithmetic_is(kind):
    layer = kind(16, 32, 5)
    with torch.no_grad():
        layer.weight.copy_(whole(*layer.weight.shape))
    sides, out = ((8, 8), (4, 4)) if kind is Halving else ((4, 4), (8, 8))
    maps, passed = whole(3, 16, *sides, seed=1), whole(3, 32, *out, seed=2)
    for own, other in zip(
        values_and_gradients(layer, maps, passed),
        values_and_gradients(by_torch(layer), maps, passed),
        strict=True,
    ):
        assert torch.equal(own, other)


@pytest.mark.parametrize("kind", [Halving, Doubling])
def test_only_the_gradients_that_are_asked_for_are_computed(kind, monkeypatch):
    layer, maps = kind(8, 8, 5), random(1, 8, 8, 8)
    monkeypatch.setattr(layers, "_doubled" if kind is Halving else "_halved", None)
    layer(maps).sum().backward()
    assert layer.weight.grad is not None
    monkeypatch.undo()
    monkeypatch.setattr(layers, "_correlated", None)
    layer.requires_grad_(False)
    layer(maps.requires_grad_()).sum().backward()
    assert maps.grad is not None


def test_other_kinds_of_layers_go_pytorchs_way(monkeypatch):
    maps, odd, narrow = random(1, 16, 8, 8), random(1, 16, 6, 8), random(1, 24, 8, 8)
    takes = layers._has_products
    assert takes(maps, Halving(16, 8, 5))
    assert takes(odd, Doubling(16, 8, 5))
    assert not takes(odd, Halving(16, 8, 5))
    assert not takes(narrow, Halving(24, 8, 5))
    assert not takes(maps, Halving(16, 12, 5))
    assert not takes(maps, Halving(16, 8, 3))
    assert not takes(maps.double(), Halving(16, 8, 5).double())
    assert not takes(maps.to("meta"), Halving(16, 8, 5).to("meta"))
    with torch.no_grad():
        assert not takes(maps, Halving(16, 8, 5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not takes(maps, Halving(16, 8, 5))
    monkeypatch.setattr(layers, "has_numba", lambda: False)
    assert not takes(maps, Halving(16, 8, 5))
    assert Halving(16, 8, 5)(maps).shape == (1, 8, 4, 4)


@pytest.mark.parametrize("kind", [Halving, Doubling])
def test_maps_of_other_widths_are_refused_as_by_pytorch(kind):
    with pytest.raises(RuntimeError, match="channels"):
        kind(16, 8, 5)(random(1, 48, 8, 8))


@pytest.mark.parametrize("kind", [Halving, Doubling])
def test_what_comes_after_a_layer_may_work_in_place(kind):
    maps = kind(8, 8, 5)(random(1, 8, 8, 8))
    torch.relu_(maps).sum().backward()


def test_a_loop_is_compiled_for_one_kind_of_arrays():
    for form in (torch.channels_last, torch.contiguous_format):
        maps = random(1, 8, 8, 8).contiguous(memory_format=form).requires_grad_()
        for kind in (Halving, Doubling):
            layer = kind(8, 8, 5).to(memory_format=form)
            layer(maps).square().sum().backward()
    for loop in (winograd.halve, winograd.double, winograd.correlate):
        assert len(loop.signatures) == 1  # two jobs that compile two would share a place


def test_a_pair_gets_the_gradients_that_it_would_by_pytorch_alone(monkeypatch):
    shape = {"generator_channels": [32, 16, 8], "discriminator_channels": [8, 16, 32]}
    own = DcganSettings(**SMALL_PAIR | shape)
    z, labels = random(16, own.latent), torch.zeros(16, dtype=torch.long)

    def gradients():
        pair = build_pair(own, classes=1, size=32, seed=1).to(memory_format=torch.channels_last)
        scores, _ = pair.discriminator(pair.generator(z, labels))
        scores.square().sum().backward()
        return [parameter.grad for parameter in pair.parameters()]

    ours = gradients()
    monkeypatch.setattr(layers, "_has_products", lambda *_: False)
    for one, other in zip(ours, gradients(), strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_convolutions_by_phases_are_those_of_pytorch(kernel):
    torch.manual_seed(0)
    for layer, plain, shape in (
        (FromImage(6, kernel), torch.nn.Conv2d, (2, 1, 16, 16)),
        (ToImage(6, kernel), torch.nn.ConvTranspose2d, (2, 6, 8, 8)),
    ):
        x = torch.randn(shape, dtype=torch.float64)
        ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        layer = layer.double()
        one, other = layer(ours), plain.forward(layer, theirs)
        torch.testing.assert_close(one, other)
        weights = torch.randn_like(one)
        gradients = [
            torch.autograd.grad((result * weights).sum(), [given, layer.weight, layer.bias])
            for result, given in ((one, ours), (other, theirs))
        ]
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b)
