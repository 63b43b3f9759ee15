"""Flow: a class-conditional rectified flow, one network for all classes.

Liu et al. 2023 (arXiv 2209.03003); the network predicts the clean image, and times are logit-normal
(Esser et al. 2024, arXiv 2403.03206). Small enough for some thousand updates on one core.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.config.types import Channels, Count, Positive, Rate, Share
from augtrial.core.cost import Cost, total
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import SAMPLES_PANEL, Synthesizer, TrainedNetwork, TrainingData
from augtrial.synthesizers.shared.flow_layers import GROUP, TOP, network_layers

if TYPE_CHECKING:
    import torch

    from augtrial.synthesizers.shared.flow_training import FlowTraining


class FlowSettings(SynthesizerSettings):
    """One rectified flow for all classes (Liu et al. 2023)."""

    kind: Literal["flow"] = Field("flow", description="The kind of synthesizer.")
    classic: Count | Literal["online"] = Field(
        "online",
        description="`online`: instead of the ROI, a new random variant each time, none stored; "
        "or the number of classic variants per fold that it learns from, beside the ROIs.",
    )
    channels: Channels = Field(
        [64, 96, 128],
        description="Feature maps at 16x16, 8x8, ..., in multiples of 16; at most five levels.",
    )
    updates: Positive = Field(4000, description="Updates of its training.")
    batch: Positive = Field(16, description="Images per update.")
    learning_rate: Rate = Field(0.001, description="AdamW's step size.")
    beta1: Share = Field(0.9, description="AdamW's first decay rate.")
    beta2: Share = Field(0.99, description="AdamW's second decay rate.")
    warmup: Positive = Field(50, description="Updates in which the step size rises to its value.")
    times: tuple[float, float] = Field(
        (-0.6, 0.4),
        description="Means of the logit of the times (0 noise, 1 image), in the first half of the "
        "training and in the second; its standard deviation is 1.",
    )
    class_dropout: Share = Field(
        0.1, description="Share of the images whose class the network is not told."
    )
    half_life: Positive = Field(
        400,
        description="Updates after which a weight counts half in the average that draws; "
        "less in the first updates, after n of them 10 + 0.08 n.",
    )
    steps: Positive = Field(
        16, description="Euler's steps from noise to an image; 24 where images have grain."
    )
    snapshots: Positive = Field(
        6, description="Number of updates after which a sample grid is kept, the last one included."
    )


@synthesizers.register
class Flow(Synthesizer):
    """A flow from noise to images, along lines that are straight on average."""

    name, Settings = "flow", FlowSettings
    conditions = ("class",)
    history: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "Loss": {"loss": "flow"},
        **SAMPLES_PANEL,
    }

    def training(self, data: TrainingData, settings: Any, **options: Any) -> "FlowTraining":
        """Return the training of the network."""
        from augtrial.synthesizers.shared.flow_training import FlowTraining

        return FlowTraining(data, settings, **options)

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return images of noise of their own."""
        from augtrial.synthesizers.shared import flow_sampling

        return flow_sampling.sample(network, labels, generator, device=device)

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield the sides and widths for which there is no network."""
        if size % TOP or (size // TOP).bit_count() != 1:
            yield f"kind: a flow makes images of side 16, 32, 64, ..., but roi.size is {size}"
        if 2 ** (len(settings.channels) - 1) > TOP:
            number = len(settings.channels)
            yield f"channels: {number} values; 16x16 maps can be halved four times: five at most"
        for width in settings.channels:
            if width % GROUP:
                yield f"channels: {width} is not a multiple of {GROUP}"

    def updates(self, settings: Any, images: int) -> int:
        """Return the updates of its settings, whatever the number of images."""
        return settings.updates if images else 0

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of an update: a pass back costs two forward, but for the first layer."""
        layers = network_layers(settings.channels, classes=classes, size=size)
        whole = total(layers)
        multiply_adds = settings.batch * (3 * whole.multiply_adds - layers[0].multiply_adds)
        kept = 3 * whole.outputs  # after convolution, norm and SiLU
        return Cost(multiply_adds, whole.weights, settings.batch * kept)

    def describe(self, settings: Any) -> str:
        """Return how it is built and trained."""
        widths = "-".join(map(str, settings.channels))
        learnt = (
            "each a new classic variant of a lesion"
            if settings.classic == "online"
            else f"of the lesions' ROIs and {settings.classic:,} classic variants per fold"
        )
        early, late = settings.times
        return (
            f"A class-conditional rectified flow for all classes, trained for "
            f"{settings.updates:,} updates of {settings.batch} images of the training folds, "
            f"{learnt}. A U-Net of {widths} feature maps predicts the clean image from its mixture "
            f"with noise; the loss is that of the velocity; times are logit-normal with mean "
            f"{early:g}, and {late:g} in the second half of the training; the class is dropped in "
            f"{settings.class_dropout:.0%} of the images. AdamW with learning rate "
            f"{settings.learning_rate:g} after {settings.warmup} updates of warm-up, beta1 "
            f"{settings.beta1:g} and beta2 {settings.beta2:g}; gradient norm of 1 at most. The "
            f"weights' exponential average, with a half-life of {settings.half_life} updates, "
            f"draws the samples in {settings.steps} Euler steps, without guidance."
        )
