"""Any image network as a classifier of the study, and what it is found to be when it is tried."""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from augtrial.core.cost import Cost
from augtrial.tasks.classification.interface import Network


class Wrapped(Network):
    """A module that maps images [n, 1, s, s] to scores [n, classes], as a `Network`.

    The training mean is subtracted for it. Its features are what its last `nn.Linear` is given or,
    if it has none, its scores.
    """

    draws_itself = True

    def __init__(
        self, network: nn.Module, *, size: int, memory_format: torch.memory_format
    ) -> None:
        super().__init__(size=size)
        self.network, self.memory_format = network, memory_format

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Return the module's scores [n, classes] of images [n, 1, s, s] in [0, 1]."""
        # With one channel the strides alone tell the layout: only a copy is sure to have it.
        return self.network((images - self.mean).clone(memory_format=self.memory_format))

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores [n, classes], and what the last `nn.Linear` was given as [n, d]."""
        noted: list[Tensor] = []

        def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            noted[:] = inputs[:1]

        layers = [layer for layer in self.modules() if isinstance(layer, nn.Linear)]
        hooks = [layer.register_forward_pre_hook(note) for layer in layers]
        try:
            scores = self(images)
        finally:
            for hook in hooks:
                hook.remove()
        features = noted[0] if noted and len(noted[0]) == len(images) else scores
        return scores, features.flatten(1)


@contextmanager
def seeded(generator: torch.Generator | None) -> Iterator[None]:
    """Let what is drawn from PyTorch's global generator on the CPU stand on this one's seed.

    Without a generator the draws do not matter. The global generator is afterwards as before.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if generator is None else generator.initial_seed())
        yield


def trial_problems(network: nn.Module, *, classes: int, size: int, batch: int) -> Iterable[str]:
    """Yield why a network cannot be trained on such images: one sentence, or none.

    The trial changes what its batch norms remember.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        yield "has no weights to train"
        return
    if any(map(nn.parameter.is_lazy, network.parameters())):
        yield "has lazy layers; give them their numbers of inputs"
        return
    device = next(network.parameters()).device
    for training in (False, True):
        images = torch.zeros(min(batch, 2) if training else 2, 1, size, size, device=device)
        network.train(training)
        what = f"images {list(images.shape)} to {'train' if training else 'predict'}"
        try:
            with torch.set_grad_enabled(training), seeded(None):
                scores = network(images)
                found, right = _shape(scores), [len(images), classes]
                if training and found == right:
                    scores.sum().backward()
        except Exception as error:  # whatever the code of others raises
            yield f"cannot take {what}: {cause(error)}"
            return
        if found != right:
            shape = "a row for each image and a column for each class"
            yield f"gives {found} for {what}; scores {right} are right, {shape}"
            return
        if device.type != "meta" and not scores.isfinite().all():
            yield f"gives scores that are no finite numbers for {what}"
            return


def _shape(scores: Any) -> Any:
    if not isinstance(scores, Tensor):
        return f"a {type(scores).__name__}"
    return list(scores.shape) if scores.is_floating_point() else f"numbers of type {scores.dtype}"


def cause(error: Exception) -> str:
    """Return an exception in a line, with the last file and line outside of PyTorch that it saw."""
    inside = Path(torch.__file__).parent
    seen = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in seen if inside not in Path(frame.filename).parents]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def image_cost(network: nn.Module, size: int) -> Cost:
    """Return the cost of a network and of an update of one image, counted in a pass forward.

    `torch.utils.flop_counter` counts a multiply-add as two; a pass back is two passes forward
    (counted itself, it would take grouped convolutions for full ones). Activations are what
    autograd keeps, as numbers of four bytes. On the meta device nothing is computed.
    """
    from torch.utils.flop_counter import FlopCounterMode

    count = 2  # a batch norm cannot train on one
    weights = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if (storage := tensor.untyped_storage()._cdata) not in weights:
            kept[storage] = tensor
        return tensor

    device = next(network.parameters()).device
    network.train()
    counter = FlopCounterMode(display=False)
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with seeded(None), counter, hooks:
        network(torch.zeros(count, 1, size, size, device=device))
    numbers = sum(tensor.untyped_storage().nbytes() for tensor in kept.values()) / 4
    trained = sum(parameter.numel() for parameter in network.parameters())
    return Cost(3 * counter.get_total_flops() / 2 / count, trained, numbers / count)
