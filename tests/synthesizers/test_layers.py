import pytest
import torch
from torch.nn import functional as F

from augtrial.synthesizers.shared.layers import FromImage, ToImage, UpsampledConv


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


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("after", [1, 3])
def test_upsampling_by_phases_is_that_of_pytorch_and_a_convolution(kernel, after):
    torch.manual_seed(0)
    layer = UpsampledConv(4, after, kernel, bias=True).double()
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    larger = F.interpolate(x, scale_factor=2, mode="nearest")
    plain = F.conv2d(larger, layer.weight, layer.bias, padding=kernel // 2)
    torch.testing.assert_close(layer(x), plain)
    weights = torch.randn_like(plain)
    given = [x, layer.weight, layer.bias]
    gradients = [torch.autograd.grad((y * weights).sum(), given) for y in (layer(x), plain)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)
