"""The CNN of Frid-Adar et al. 2018, section 2.3."""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from augtrial.config.classifier import ClassifierSettings
from augtrial.config.types import Channels, Positive, Share
from augtrial.core.cost import Cost, convolution, dense, total
from augtrial.core.registry import classifiers
from augtrial.tasks.classification.networks.base import ClassifierKind

if TYPE_CHECKING:
    import torch

    from augtrial.tasks.classification.cnn import Classifier


class FridAdarSettings(ClassifierSettings):
    """The paper's CNN (section 2.3)."""

    kind: Literal["frid_adar"] = Field("frid_adar", description="The kind of network.")
    channels: Channels = Field(
        [32, 64, 128], description="Feature maps of the 3x3 convolutions, each with a max-pool."
    )
    hidden_units: Positive = Field(256, description="Width of the dense layer.")
    dropout: Share = Field(0.5, description="Share of the dense layer's units dropped in training.")


@classifiers.register
class FridAdar(ClassifierKind):
    """3x3 convolutions with 2x2 max-pools, a dense layer with dropout, softmax."""

    name, Settings = "frid_adar", FridAdarSettings

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield that convolutions and pools leave nothing of an image."""
        side, number = size, len(settings.channels)
        for _ in range(number):
            side = (side - 2) // 2
        if side < 1:
            yield f"channels: {number} convolutions and pools leave nothing of a ROI of side {size}"

    def build(
        self, settings: Any, *, classes: int, size: int, generator: "torch.Generator | None" = None
    ) -> "Classifier":
        """Return the network."""
        from augtrial.tasks.classification.cnn import Classifier

        widths = settings.model_dump(include={"channels", "hidden_units", "dropout"})
        return Classifier(classes=classes, size=size, generator=generator, **widths)

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost; a pass back is two passes forward, but for the image's gradient."""
        layers, side = [], size
        for before, after in pairwise([1, *settings.channels]):
            layers.append(convolution(before, after, 3, side - 2, bias=True))
            side = (side - 2) // 2
        layers.append(dense(settings.channels[-1] * side**2, settings.hidden_units))
        layers.append(dense(settings.hidden_units, classes))
        whole = total(layers)
        multiply_adds = settings.batch * (3 * whole.multiply_adds - layers[0].multiply_adds)
        kept = 3 * settings.batch * whole.outputs  # after convolution, ReLU and pool
        return Cost(multiply_adds, whole.weights, kept)

    def describe(self, settings: Any) -> str:
        """Return the layers in words."""
        widths = "-".join(map(str, settings.channels))
        return (
            f"3x3 convolutions of {widths} feature maps, each with a 2x2 max-pool; a dense layer "
            f"of {settings.hidden_units} with dropout {settings.dropout:g}; softmax. "
            "Initial weights Glorot-uniform, biases zero, without pretraining"
        )
