"""What the training of every synthesizer leaves behind."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor

from augtrial.training.engine import Training


class RecordedTraining(Training):
    """The training of one network of a synthesizer, with its record.

    `history` has a row for each stretch of the training, with the `update` that it ends with;
    `snapshots` are images uint8 [classes, examples, s, s] of fixed latents, one after each of
    `snapshot_updates`.
    """

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []
        self.snapshots: list[Tensor] = []
        self.snapshot_updates: Sequence[int] = ()

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return all that drawing needs, by name."""
        raise NotImplementedError


def milestones(updates: int, number: int) -> list[int]:
    """Return so many updates of a training, or all of few, at equal distances to the last one."""
    return sorted({ceil(updates * step / number) for step in range(1, number + 1)})


class Untrained(RecordedTraining):
    """A synthesizer that trains nothing: what it keeps of the training pictures is its state."""

    def __init__(self, **kept: np.ndarray | Tensor) -> None:
        super().__init__()
        self.kept = {name: torch.as_tensor(values) for name, values in kept.items()}

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return what was kept."""
        return self.kept
