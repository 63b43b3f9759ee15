"""What the training of every synthesizer leaves behind, and when it stops before its end."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augtrial.core.errors import UserError
from augtrial.training.engine import Training

ROWS = 50  # of the history, at most, beside those of the snapshots
SAMPLES = 32  # images of each class that are drawn at a snapshot
EXAMPLES = 8  # of them that are kept
BLACK, WHITE = 0, 255
RATES = ("learning_rate", "discriminator_learning_rate")

Watch = Callable[[np.ndarray, int], Mapping[str, float]]


class RecordedTraining(Training):
    """The training of one network of a synthesizer, with its record.

    `history` has a row for each stretch of the training, with the `update` that it ends with;
    `snapshots` are images uint8 [classes, examples, s, s] of fixed latents, one after each of
    `snapshot_updates`. `synthesizer` and `network_name` are the names in the study. `watch` is
    given the samples of a snapshot, uint8 [classes, n, s, s], and the update; it returns further
    columns of that row.
    """

    settings: Any = None
    synthesizer, network_name = "", ""
    watch: Watch | None = None

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []
        self.snapshots: list[Tensor] = []
        self.snapshot_updates: Sequence[int] = ()

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return all that drawing needs, by name."""
        raise NotImplementedError

    def draw(self, number: int) -> Tensor:
        """Return images uint8 [classes, number, s, s] of latents that are the same at any time.

        They change nothing of the training.
        """
        raise NotImplementedError

    def plan_record(self, snapshots: int) -> None:
        """Set after which updates there are rows and snapshots; a snapshot has a row as well."""
        self.snapshot_updates = milestones(self.updates, snapshots)
        self.log_steps = sorted({*milestones(self.updates, ROWS), *self.snapshot_updates})

    def record(self, means: Mapping[str, float]) -> None:
        """Note a row of the history, and the snapshot where one is due.

        Raises:
            UserError: the training leads nowhere: a value of a row is not finite; at a snapshot,
                the weights are not, or no pixel of the samples is grey (all are black or white:
                no gradient passes a saturated output).
        """
        for name, value in means.items():
            if not isfinite(value):
                self._stop(f"{name} is not finite")
        row: dict[str, float] = {"update": self.update, **means}
        if self.update in self.snapshot_updates:
            weights = [v for v in self.state_dict().values() if v.is_floating_point()]
            if not all(bool(values.isfinite().all()) for values in weights):
                self._stop("its weights are not finite")
            images = self.draw(SAMPLES)
            if bool(((images == BLACK) | (images == WHITE)).all()):
                self._stop("its samples are only black and white")
            self.snapshots.append(images[:, :EXAMPLES].clone())  # a view would keep all
            if self.watch is not None:
                row |= self.watch(images.numpy(), self.update)
        self.history.append(row)

    def _stop(self, seen: str) -> None:
        """Raise what was seen, and the setting to change: the larger learning rate."""
        rates = {key: getattr(self.settings, key, 0.0) for key in RATES}
        key = max(rates, key=lambda name: rates[name])
        advice = f"{key} {rates[key]:g} of synthesizers.{self.synthesizer}: try a tenth of it"
        where = f"{self.synthesizer}, {self.network_name}, update {self.update}"
        raise UserError(f"{where}: {seen}; {advice}")


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
