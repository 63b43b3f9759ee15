"""What the training of every synthesizer leaves behind."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from augtrial.training.engine import Training


class RecordedTraining(Training):
    """The training of one network of a synthesizer, with its record.

    `history` has a row for each stretch of the training; `snapshots` are images uint8 [classes,
    examples, s, s] of fixed latents, one after each of `epochs`.
    """

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []
        self.snapshots: list[Tensor] = []
        self.epochs: Sequence[int] = ()

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return all that drawing needs, by name."""
        raise NotImplementedError


class Untrained(RecordedTraining):
    """A synthesizer that trains nothing: what it keeps of the training pictures is its state."""

    def __init__(self, **kept: np.ndarray | Tensor) -> None:
        super().__init__()
        self.kept = {name: torch.as_tensor(values) for name, values in kept.items()}

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return what was kept."""
        return self.kept
