"""The kinds of classifiers whose networks were not made for this package."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from augtrial.core.cost import Cost
from augtrial.core.errors import UserError
from augtrial.tasks.classification.networks.base import ClassifierKind

if TYPE_CHECKING:
    import torch

    from augtrial.tasks.classification.interface import Network


class WrappedKind(ClassifierKind):
    """A kind whose networks were not made for this package (`classification.wrapped`).

    What such a network costs is counted on the network itself: plans import PyTorch for it.
    """

    full_batches = True
    channels_last: ClassVar[bool] = False  # whether its networks can do with that layout

    def make(self, settings: Any, *, classes: int, size: int) -> "torch.nn.Module":
        """Return the network, its weights drawn from PyTorch's global generator.

        Raises:
            UserError: the settings name no network, or none that can be built.
        """
        raise NotImplementedError

    def outline(self, settings: Any, *, classes: int, size: int) -> "torch.nn.Module":
        """Return the network to count and try; its weights may lie on the meta device."""
        return self.make(settings, classes=classes, size=size)

    def title(self, settings: Any) -> str:
        """Return the key that names the network, and its value: "classifier.key: value"."""
        raise NotImplementedError

    def check(self, settings: Any, *, classes: int, size: int) -> Iterable[str]:
        """Yield that the network cannot be built, or cannot learn from the study's images."""
        from augtrial.tasks.classification.wrapped import seeded, trial_problems

        try:
            with seeded(None):
                network = self.outline(settings, classes=classes, size=size)
        except UserError as error:
            yield from error.problems
            return
        for problem in trial_problems(network, classes=classes, size=size, batch=settings.batch):
            yield f"{self.title(settings)} {problem}"

    def build(
        self, settings: Any, *, classes: int, size: int, generator: "torch.Generator | None" = None
    ) -> "Network":
        """Return the network behind the interface of this package's own."""
        import torch

        from augtrial.tasks.classification.wrapped import Wrapped, seeded

        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        with seeded(generator):
            network = self.make(settings, classes=classes, size=size)
        return Wrapped(network, size=size, memory_format=layout)

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost, counted on the network itself, with PyTorch."""
        image = _image_cost(self, settings.model_dump_json(), classes, size)
        numbers = (settings.batch * image.multiply_adds, image.weights)
        return Cost(*numbers, settings.batch * image.activations)


@cache
def _image_cost(kind: WrappedKind, settings: str, classes: int, size: int) -> Cost:
    """Return the cost of an update of one image; plans ask for it again and again."""
    from augtrial.tasks.classification.wrapped import image_cost, seeded

    values = kind.Settings.model_validate_json(settings)
    with seeded(None):
        network = kind.outline(values, classes=classes, size=size)
    return image_cost(network, size)
