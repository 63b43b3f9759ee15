"""SGD with Nesterov momentum, Adam and AdamW, by the functions of torch.optim.

The classes of torch.optim import PyTorch's compiler at their first use, in each process that
trains (docs/benchmarks.md). Its functions compute the same numbers and do not.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam as adam_step
from torch.optim.adamw import adamw as adamw_step
from torch.optim.sgd import sgd as sgd_step

from augtrial.training.device import Device

UNUSED: Any = {"weight_decay": 0.0, "maximize": False, "foreach": False}
State = dict[str, list[Tensor]]  # what is remembered of earlier gradients, one for each parameter


class Optimiser:
    """Parameters and their state, and a function of torch.optim that changes both in a step."""

    def __init__(self, change: Callable[..., None], parameters: list[Tensor], state: State) -> None:
        """Take change(parameters, gradients, **state)."""
        self.change, self.parameters, self.state = change, parameters, state

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters that have a gradient."""
        learning = [i for i, parameter in enumerate(self.parameters) if parameter.grad is not None]
        parameters = [self.parameters[i] for i in learning]
        gradients = [parameter.grad for parameter in parameters]
        state = {name: [tensors[i] for i in learning] for name, tensors in self.state.items()}
        self.change(parameters, gradients, **state)

    def state_dict(self) -> State:
        """Return what a checkpoint keeps."""
        return self.state

    def load_state_dict(self, state: State) -> None:
        """Go on from a checkpoint."""
        for name, tensors in self.state.items():
            for tensor, kept in zip(tensors, state[name], strict=True):
                tensor.copy_(kept)


def sgd(
    parameters: Iterable[Tensor], learning_rate: float, momentum: float, *, device: Device
) -> Optimiser:
    """Return SGD with Nesterov momentum in [0, 1); the steps of a GPU differ by rounding."""
    rates: dict[str, Any] = {"lr": learning_rate, "momentum": momentum, "dampening": 0.0}
    rates |= {"nesterov": momentum > 0, "fused": device.is_gpu}
    change = partial(sgd_step, **rates, **UNUSED)
    parameters = list(parameters)
    return Optimiser(change, parameters, {"momentum_buffer_list": _zeros(parameters)})


def adam(
    parameters: Iterable[Tensor],
    learning_rate: float,
    betas: tuple[float, float],
    *,
    device: Device,
) -> Optimiser:
    """Return Adam (Kingma & Ba, arXiv 1412.6980); on a GPU a captured graph can hold its steps."""
    rates: dict[str, Any] = {"lr": learning_rate, "beta1": betas[0], "beta2": betas[1], "eps": 1e-8}
    rates |= {"amsgrad": False, "fused": device.is_gpu, "capturable": device.is_gpu}
    change = partial(adam_step, max_exp_avg_sqs=[], **rates, **UNUSED)
    parameters = list(parameters)
    return Optimiser(change, parameters, _moments(parameters))


def adamw(
    parameters: Iterable[Tensor],
    learning_rate: Tensor,
    betas: tuple[float, float],
    *,
    weight_decay: float = 0.01,
    device: Device,
) -> Optimiser:
    """Return AdamW (Loshchilov & Hutter, arXiv 1711.05101), in one pass over the parameters.

    The learning rate is a number on the device, which may change from step to step.
    """
    rates: dict[str, Any] = {"lr": learning_rate, "beta1": betas[0], "beta2": betas[1], "eps": 1e-8}
    rates |= {"amsgrad": False, "fused": True, "capturable": device.is_gpu}
    unused = UNUSED | {"weight_decay": weight_decay}
    change = partial(adamw_step, max_exp_avg_sqs=[], **rates, **unused)
    parameters = list(parameters)
    return Optimiser(change, parameters, _moments(parameters))


def _moments(parameters: list[Tensor]) -> State:
    steps = [torch.zeros((), device=parameter.device) for parameter in parameters]
    state = {"exp_avgs": _zeros(parameters), "exp_avg_sqs": _zeros(parameters)}
    return state | {"state_steps": steps}


def _zeros(parameters: list[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(parameter) for parameter in parameters]  # in memory as they lie
