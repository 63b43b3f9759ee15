import pytest
import torch

from augtrial.synthesizers.shared.layers import FromImage, ToImage


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
