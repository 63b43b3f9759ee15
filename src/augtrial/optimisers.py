"""SGD with Nesterov momentum, and Adam: the steps of torch.optim, bit by bit on the CPU.

They stand here for their start: the first optimiser of torch.optim imports PyTorch's compiler, 1.6
seconds of a job that often trains for ten. On a GPU its fused kernels are worth that.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from augtrial.device import Device


class Optimiser:
    """Parameters, and for each of them tensors that remember earlier gradients."""

    memories: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        """Take the parameters; the memories begin as zeros."""
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.steps = 0
        for name in self.memories:
            # Memories lie in memory as their parameters do (channels last).
            setattr(self, name, [torch.zeros_like(p) for p in self.parameters])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        self.steps += 1
        for place, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                memories = [getattr(self, name)[place] for name in self.memories]
                self.change(parameter, parameter.grad, *memories)

    def change(self, parameter: Tensor, gradient: Tensor, *memories: Tensor) -> None:
        """Change one parameter and its memories."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"steps": self.steps, **{name: getattr(self, name) for name in self.memories}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.steps = state["steps"]
        for name in self.memories:
            for own, kept in zip(getattr(self, name), state[name], strict=True):
                own.copy_(kept)


class Sgd(Optimiser):
    """v <- m v + g; w <- w - rate (g + m v), Nesterov's momentum as torch.optim.SGD has it."""

    memories = ("velocity",)

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, momentum: float) -> None:
        """Take the parameters, the step size and the momentum in [0, 1)."""
        super().__init__(parameters, learning_rate)
        self.momentum = momentum

    def change(self, parameter: Tensor, gradient: Tensor, *memories: Tensor) -> None:
        """Change one parameter and its velocity."""
        (velocity,) = memories
        velocity.mul_(self.momentum).add_(gradient)
        parameter.add_(gradient.add(velocity, alpha=self.momentum), alpha=-self.learning_rate)


class Adam(Optimiser):
    """Adam (Kingma & Ba, arXiv 1412.6980, algorithm 1), epsilon 1e-8."""

    memories = ("mean", "square")

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, betas: tuple[float, float]
    ) -> None:
        """Take the parameters, the step size and both decays in [0, 1)."""
        super().__init__(parameters, learning_rate)
        self.betas = betas

    def change(self, parameter: Tensor, gradient: Tensor, *memories: Tensor) -> None:
        """Change one parameter and the running means of its gradient and of its square."""
        mean, square = memories
        first, second = self.betas
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = square.sqrt() / math.sqrt(1 - second**self.steps)
        size = self.learning_rate / (1 - first**self.steps)
        parameter.addcdiv_(mean, root.add_(1e-8), value=-size)


def sgd(
    parameters: Iterable[Tensor], learning_rate: float, momentum: float, *, device: "Device"
) -> Any:
    """Return SGD with Nesterov momentum for a device."""
    if not device.is_gpu:
        return Sgd(parameters, learning_rate, momentum)
    options = {"momentum": momentum, "nesterov": momentum > 0, "fused": True}
    return torch.optim.SGD(parameters, learning_rate, **options)


def adam(
    parameters: Iterable[Tensor],
    learning_rate: float,
    betas: tuple[float, float],
    *,
    device: "Device",
) -> Any:
    """Return Adam for a device; on a GPU its steps can stand in a captured graph."""
    if not device.is_gpu:
        return Adam(parameters, learning_rate, betas)
    return torch.optim.Adam(parameters, learning_rate, betas, fused=True, capturable=True)
