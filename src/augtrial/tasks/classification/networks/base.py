"""The interface of the classifiers: how each kind of network is built, checked and described."""

from typing import TYPE_CHECKING, Any, ClassVar

from augtrial.config.classifier import ClassifierSettings
from augtrial.tasks.base import NetworkKind

if TYPE_CHECKING:
    import torch

    from augtrial.tasks.classification.interface import Network


class ClassifierKind(NetworkKind):
    """A kind of classifier; how it is trained is for the task to describe.

    `name` is its kind in a config, as `kind` of its `Settings`. `full_batches` says that it cannot
    learn from the rest of an epoch, since it may hold batch norms: batches are then drawn on across
    the ends of epochs.
    """

    Settings: ClassVar[type[ClassifierSettings]]
    full_batches: ClassVar[bool] = False

    def build(
        self, settings: Any, *, classes: int, size: int, generator: "torch.Generator | None" = None
    ) -> "Network":
        """Return the network; `generator` draws its weights."""
        raise NotImplementedError
