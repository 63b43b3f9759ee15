"""The interface of the tasks: training, predictions and outcomes of a network that is tested."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from augtrial.config.classifier import Budget
from augtrial.core.cost import Cost

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from augtrial.imaging.on_the_fly import OnlineVariants
    from augtrial.imaging.training_set import TrainingSet
    from augtrial.training.checkpoints import Checkpoint
    from augtrial.training.device import Device


class NetworkKind:
    """What plans and checks ask of a network's settings. `name` is its name in a config."""

    name: ClassVar[str]

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield what of its settings does not fit images of this side: "key: what is wrong"."""
        return ()

    def check(self, settings: Any, *, classes: int, size: int) -> Iterable[str]:
        """Yield what only building its network can tell: "classifier.key: what is wrong".

        It is asked once, at the start of a run.
        """
        return ()

    def files(self, settings: Any) -> list[str]:
        """Return the files that its network begins from; a changed one trains it anew."""
        return []

    def user_code(self, settings: Any) -> str:
        """Return a hash of the code outside of this package that decides its network, or ""."""
        return ""

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of one network and of an update."""
        raise NotImplementedError

    def describe(self, settings: Any) -> str:
        """Return how its network is built and trained, in sentences for a methods section."""
        raise NotImplementedError


class Task(NetworkKind):
    """What arms are judged by; it answers for the kind of network that its settings name."""

    def settings(self, values: Mapping[str, Any]) -> Any:
        """Return the settings of its network, from plain values."""
        raise NotImplementedError

    def updates(self, settings: Any, budget: Budget, images: int) -> int:
        """Return how many updates a budget means for a training set of so many images."""
        raise NotImplementedError

    def training(
        self,
        learnt: "TrainingSet",
        settings: Any,
        budget: Budget,
        *,
        classes: Sequence[str],
        seed: int,
        device: "Device",
        on_the_fly: "OnlineVariants | None" = None,
        checkpoint: "Checkpoint | None" = None,
        eval_updates: Sequence[int] = (),
    ) -> Any:
        """Return the training of one network on an arm's training set (`training.engine.Training`).

        It has rows of a `history`, and by `networks(name)` its state dicts by name: at its end, and
        "name@updates" on its way.
        """
        raise NotImplementedError

    def predict(
        self,
        state: "Mapping[str, Tensor]",
        settings: Any,
        lesions: "pd.DataFrame",
        images: np.ndarray,
        *,
        classes: Sequence[str],
        columns: Mapping[str, Any],
    ) -> "pd.DataFrame":
        """Return one network's predictions of held-out lesions, in tidy rows.

        `lesions` has lesion_id, patient_id and label of each, `images` their ROIs, uint8 [n, s, s];
        `columns` say which network it was: fold, replicate, arm.
        """
        raise NotImplementedError

    def outcomes(self, predictions: "pd.DataFrame") -> Any:
        """Return, by arm, the outcome of each case and replicate (`statistics.outcomes`)."""
        raise NotImplementedError
