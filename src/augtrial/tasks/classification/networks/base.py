"""The interface of the classifiers: how each kind of network is built, checked and described."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from augtrial.config.classifier import ClassifierSettings
from augtrial.core.cost import Cost

if TYPE_CHECKING:
    import torch

    from augtrial.tasks.classification.interface import Network


class ClassifierKind:
    """A kind of classifier.

    `name` is its kind in a config, as `kind` of its `Settings`. `full_batches` says that it cannot
    learn from the rest of an epoch, since it may hold batch norms: batches are then drawn on across
    the ends of epochs.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ClassifierSettings]]
    full_batches: ClassVar[bool] = False

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield what of its settings does not fit images of this side: "key: what is wrong"."""
        return ()

    def check(self, settings: Any, *, classes: int, size: int) -> Iterable[str]:
        """Yield what only building the network can tell: "classifier.key: what is wrong".

        It is asked once, at the start of a run.
        """
        return ()

    def files(self, settings: Any) -> list[str]:
        """Return the files that the network begins from; a changed one trains it anew."""
        return []

    def user_code(self, settings: Any) -> str:
        """Return a hash of the code outside of this package that builds the network, or ""."""
        return ""

    def build(
        self, settings: Any, *, classes: int, size: int, generator: "torch.Generator | None" = None
    ) -> "Network":
        """Return the network; `generator` draws its weights."""
        raise NotImplementedError

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of the network and of an update."""
        raise NotImplementedError

    def describe(self, settings: Any) -> str:
        """Return how the network is built, in words."""
        raise NotImplementedError
