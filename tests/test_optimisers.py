import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from augtrial.device import Device
from augtrial.optimisers import Adam, Sgd, adam, sgd

OURS = {
    "sgd": lambda parameters: Sgd(parameters, 0.0005, 0.9),
    "plain sgd": lambda parameters: Sgd(parameters, 0.0005, 0.0),
    "adam": lambda parameters: Adam(parameters, 0.002, (0.5, 0.999)),
}
THEIRS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.0005, 0.9, nesterov=True),
    "plain sgd": lambda parameters: torch.optim.SGD(parameters, 0.0005),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.002, (0.5, 0.999)),
}


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def train(make, updates, resume_after=None):
    net = network()
    optimiser = make(net.parameters())
    for update in range(updates):
        if update == resume_after:
            kept = optimiser.state_dict()
            optimiser = make(net.parameters())
            optimiser.load_state_dict(kept)
        images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(update))
        loss = (net(images) ** 2).sum() - net(images)[:, 0].sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize("name", OURS)
def test_twenty_steps_are_those_of_torch_bit_by_bit(name):
    for ours, theirs in zip(train(OURS[name], 20), train(THEIRS[name], 20), strict=True):
        assert torch.isfinite(ours).all()
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", OURS)
def test_it_goes_on_from_its_state_as_if_nothing_had_been(name):
    straight, resumed = train(OURS[name], 9), train(OURS[name], 9, resume_after=4)
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))


def test_the_compiler_is_not_imported():
    """What this module is for; if it fails, PyTorch has changed and the module may go or stay."""
    code = (
        "import sys, torch; from augtrial.optimisers import Adam;"
        "w = torch.zeros(2, requires_grad=True); o = Adam([w], 0.1, (0.5, 0.9));"
        "w.sum().backward(); o.step(); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class LikeGpu(Device):
    is_gpu = True


@pytest.mark.parametrize("name", OURS)
def test_a_gpus_fused_steps_differ_by_rounding_alone(name):
    fused = {
        "sgd": partial(sgd, learning_rate=0.0005, momentum=0.9),
        "plain sgd": partial(sgd, learning_rate=0.0005, momentum=0.0),
        "adam": partial(adam, learning_rate=0.002, betas=(0.5, 0.999)),
    }
    device = LikeGpu(torch.device("cpu"), bfloat16=False)
    ours = train(OURS[name], 20)
    theirs = train(lambda parameters: fused[name](parameters, device=device), 20)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-4)
