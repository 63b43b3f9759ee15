import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from augtrial.training.device import Device
from augtrial.training.optimisers import adam, adamw, sgd

CPU = Device(torch.device("cpu"), bfloat16=False)


class LikeGpu(Device):
    is_gpu = True


OURS = {
    "sgd": partial(sgd, learning_rate=0.0005, momentum=0.9),
    "plain sgd": partial(sgd, learning_rate=0.0005, momentum=0.0),
    "adam": partial(adam, learning_rate=0.002, betas=(0.5, 0.999)),
    "adamw": partial(adamw, learning_rate=torch.tensor(0.002), betas=(0.9, 0.99)),
}
TORCHS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.0005, 0.9, nesterov=True),
    "plain sgd": lambda parameters: torch.optim.SGD(parameters, 0.0005),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.002, (0.5, 0.999)),
    "adamw": lambda parameters: torch.optim.AdamW(
        parameters, torch.tensor(0.002), (0.9, 0.99), fused=True
    ),
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


def ours(name, device=CPU):
    return partial(OURS[name], device=device)


@pytest.mark.parametrize("name", OURS)
def test_twenty_steps_are_those_of_torch_bit_by_bit(name):
    for here, there in zip(train(ours(name), 20), train(TORCHS[name], 20), strict=True):
        assert torch.isfinite(here).all()
        assert torch.equal(here, there)


@pytest.mark.parametrize("name", OURS)
def test_it_goes_on_from_its_state_as_if_nothing_had_been(name):
    straight, resumed = train(ours(name), 9), train(ours(name), 9, resume_after=4)
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))


def test_a_state_loads_as_weights_alone(tmp_path):
    optimiser = ours("adam")(network().parameters())
    torch.save(optimiser.state_dict(), tmp_path / "state.pt")
    optimiser.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))


def test_the_learning_rate_of_adamw_may_change_from_step_to_step():
    rate, weight = torch.tensor(0.0), torch.ones(2, requires_grad=True)
    optimiser = adamw([weight], rate, (0.9, 0.99), device=CPU)
    weight.sum().backward()
    optimiser.step()
    assert torch.equal(weight, torch.ones(2))
    rate.fill_(0.5)
    optimiser.step()
    torch.testing.assert_close(weight, torch.full((2,), 1 - 0.5 * 0.01 - 0.5))


def test_a_parameter_without_a_gradient_stays():
    used, unused = (torch.ones(2, requires_grad=True) for _ in range(2))
    optimiser = ours("sgd")([unused, used])
    used.sum().backward()
    optimiser.step()
    assert torch.equal(unused, torch.ones(2))
    assert (used < 1).all()


def test_the_compiler_is_not_imported():
    """What this module is for; if it fails, PyTorch has changed and the module may go or stay."""
    code = (
        "import sys, torch; from augtrial.training.device import Device;"
        "from augtrial.training.optimisers import adam, adamw, sgd;"
        "w = torch.zeros(2, requires_grad=True); cpu = Device(torch.device('cpu'), bfloat16=False);"
        "w.sum().backward(); adam([w], 0.1, (0.5, 0.9), device=cpu).step();"
        "sgd([w], 0.1, 0.9, device=cpu).step();"
        "adamw([w], torch.tensor(0.1), (0.5, 0.9), device=cpu).step();"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", OURS)
def test_a_gpus_fused_steps_differ_by_rounding_alone(name):
    gpu = LikeGpu(torch.device("cpu"), bfloat16=False)
    for here, there in zip(train(ours(name), 20), train(ours(name, gpu), 20), strict=True):
        torch.testing.assert_close(here, there, atol=1e-5, rtol=1e-4)
