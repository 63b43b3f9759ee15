"""What adversarial synthesizers share: settings, costs, sampling, and the hooks of their training.

A kind gives its two networks and its two losses; `shared.gan_training` does the rest. The defaults
here are the DCGAN's of Frid-Adar et al. 2018, section 3.1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.config.types import Channels, Count, Positive, Rate, Share
from augtrial.core.cost import Cost, Layer, batch_norm, convolution, dense, total
from augtrial.synthesizers.base import (
    SAMPLES_PANEL,
    Synthesizer,
    TrainedNetwork,
    TrainingData,
    images_learnt,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from augtrial.synthesizers.shared.gan_training import GanTraining, Scored


class GanSettings(SynthesizerSettings):
    """A generator and a discriminator."""

    latent: Positive = Field(100, description="Length of z, uniform in [-1, 1] (section 3.1).")
    generator_channels: Channels = Field(
        [1024, 512, 256, 128],
        description="Feature maps at 4x4 and after each fractionally-strided convolution except "
        "the last; roi.size is 4 x 2^(number of values) (section 3.1).",
    )
    discriminator_channels: Channels = Field(
        [128, 256, 512, 1024],
        description="Feature maps of the strided convolutions (not stated; mirrors the generator).",
    )
    upsampling: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="How the generator doubles the side: `transposed`, fractionally-strided "
        "convolutions (section 3.1); `nearest`, the nearest neighbour and a convolution, which "
        "leaves no checkerboard (Odena et al. 2016).",
    )
    kernel: Literal[3, 5, 7] = Field(5, description="Side of all kernels (section 3.1: 5).")
    epochs: Positive = Field(70, description="Passes over the training images (section 3.1: 70).")
    updates: Count = Field(
        0, description="Updates of the generator; 0: as many as the epochs make."
    )
    batch: Annotated[int, Field(ge=2)] = Field(64, description="Images per update.")
    learning_rate: Rate = Field(0.0002, description="Adam's step size.")
    discriminator_learning_rate: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Adam's step size for the discriminator (two time scales: Heusel et al. 2017); "
        "0: that of the generator.",
    )
    beta1: Share = Field(0.5, description="Adam's first decay rate.")
    beta2: Share = Field(0.999, description="Adam's second decay rate.")
    weights: Literal["raw", "averaged"] = Field(
        "raw",
        description="Which generator draws: `raw`, that of the last update (the paper); "
        "`averaged`, the moving average of its weights and batch-norm statistics.",
    )
    snapshots: Positive = Field(
        6, description="How often in the training a sample grid is kept, at its end included."
    )


class GanSynthesizer(Synthesizer):
    """A generator that learns against a discriminator."""

    Settings: ClassVar[type[GanSettings]] = GanSettings
    history: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "Loss": {"loss_d": "discriminator", "loss_g": "generator"},
        "P(real)": {"d_real": "real, D(x)", "d_fake": "synthetic, D(G(z))"},
        **SAMPLES_PANEL,
    }
    title: ClassVar[str]  # "A DCGAN"

    # What a kind gives ----------------------------------------------------------------------

    def generator(self, settings: Any, *, classes: int) -> "nn.Module":
        """Return the generator: z [n, latent] and labels [n] to images [n, 1, s, s] in [-1, 1]."""
        from augtrial.synthesizers.shared.networks import Generator

        return Generator(**self.generator_options(settings))

    def generator_options(self, settings: Any) -> dict[str, Any]:
        """Return the arguments of `shared.networks.Generator`."""
        given = {key: getattr(settings, key) for key in ("latent", "kernel", "upsampling")}
        return {"channels": settings.generator_channels, **given}

    def discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the discriminator: images, masks of `draw_masks` and labels [n] to scores [n].

        Beside them it returns class scores [n, classes], or None.
        """
        from augtrial.synthesizers.shared.networks import Discriminator

        return Discriminator(channels=settings.discriminator_channels, kernel=settings.kernel)

    def discriminator_updates(self, settings: Any) -> int:
        """Return how many updates of the discriminator there are for one of the generator."""
        return 1

    def random_inputs(
        self, settings: Any, batch: int, generator: "torch.Generator"
    ) -> "tuple[Tensor, ...]":
        """Return what else chance decides in an update of the discriminator."""
        return ()

    def discriminator_loss(
        self,
        settings: Any,
        real: "Scored",
        fake: "Scored",
        discriminator: "nn.Module",
        chance: "tuple[Tensor, ...]",
    ) -> "Tensor":
        """Return what the discriminator minimises: -(L_S + L_C), the mean over a batch."""
        loss = real.source_loss(real=True) + fake.source_loss(real=False)
        return loss + real.class_loss() + fake.class_loss()

    def generator_loss(self, settings: Any, fake: "Scored") -> "Tensor":
        """Return what the generator minimises: the non-saturating form of L_S - L_C."""
        return fake.source_loss(real=True) + fake.class_loss()

    def measures(self, settings: Any, real: "Scored", fake: "Scored") -> "dict[str, Tensor]":
        """Return the columns of the history beside the losses, means over a batch."""
        scored = {"d_real": real, "d_fake": fake}
        return {name: batch.scores.float().sigmoid().mean() for name, batch in scored.items()}

    # What all have --------------------------------------------------------------------------

    def training(self, data: TrainingData, settings: Any, **options: Any) -> "GanTraining":
        """Return the training of one pair of networks."""
        from augtrial.synthesizers.shared.gan_training import GanTraining

        return GanTraining(self, data, settings, **options)

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return images of latents of their own; batch norm is in evaluation mode."""
        from augtrial.synthesizers.shared.gan_training import draw_images

        settings: Any = network.settings
        net = self.generator(settings, classes=len(network.classes))
        head = "average." if settings.weights == "averaged" else "generator."
        state = {k.removeprefix(head): v for k, v in network.state.items() if k.startswith(head)}
        net.load_state_dict(state)
        return draw_images(net, labels, settings.latent, generator, device)

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield the widths that make images of another side."""
        for key in ("generator_channels", "discriminator_channels"):
            number = len(getattr(settings, key))
            side = 4 * 2**number
            if side != size:
                yield f"{key}: {number} values make images of side {side}, but roi.size is {size}"

    def updates(self, settings: Any, images: int) -> int:
        """Return the updates of the generator."""
        if settings.updates:
            return settings.updates if images else 0
        batch = min(settings.batch, images) * self.discriminator_updates(settings)
        return settings.epochs * max(1, images // batch) if images else 0

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of an update of the generator and those of the discriminator before it.

        A pass back costs two passes forward, but for a first layer, whose inputs need no gradient,
        and for a discriminator that only passes a gradient on to the generator.
        """
        generator = self.generator_layers(settings, classes)
        discriminator = self.discriminator_layers(settings, classes, size)
        g, d, turns = total(generator), total(discriminator), self.discriminator_updates(settings)
        multiply_adds = turns * 2 * (3 * d.multiply_adds - discriminator[0].multiply_adds)
        multiply_adds += (turns - 1) * g.multiply_adds
        multiply_adds += 3 * g.multiply_adds - generator[0].multiply_adds + 2 * d.multiply_adds
        kept = 3 * (g.outputs + 3 * d.outputs)  # after convolution, norm and ReLU; D sees 3 batches
        return Cost(settings.batch * multiply_adds, g.weights + d.weights, settings.batch * kept)

    def with_penalty(self, plain: Cost, settings: Any, *, classes: int, size: int) -> Cost:
        """Return a cost with a penalty on the gradient of a batch's scores, in each update of D.

        It is a pass forward, one back, and a pass through both back.
        """
        d = total(self.discriminator_layers(settings, classes, size)).multiply_adds
        penalties = settings.batch * self.discriminator_updates(settings) * 6 * d
        return Cost(plain.multiply_adds + penalties, plain.weights, 2 * plain.activations)

    def generator_layers(self, settings: Any, classes: int) -> list[Layer]:
        """Return the layers of `shared.networks.Generator`."""
        widths, side = settings.generator_channels, 4
        layers = [dense(settings.latent, 16 * widths[0], bias=False), batch_norm(widths[0])]
        for before, after in pairwise(widths):
            up = convolution(before, after, settings.kernel, side)
            if settings.upsampling == "nearest":
                up = by_phases(up, settings.kernel)
            layers += [up, batch_norm(after)]
            side *= 2
        return [*layers, image_convolution(widths[-1], settings.kernel, side, biases=1)]

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the layers of `shared.networks.Discriminator`."""
        widths, side = settings.discriminator_channels, size // 2
        layers = [image_convolution(widths[0], settings.kernel, side, biases=widths[0])]
        for before, after in pairwise(widths):
            side //= 2
            layers += [convolution(before, after, settings.kernel, side), batch_norm(after)]
        return [*layers, dense(16 * widths[-1], 1)]

    def describe(self, settings: Any) -> str:
        """Return how it is built and trained."""
        each = "for all classes" if self.is_joint else "for each class"
        length = (
            f"{settings.updates:,} updates" if settings.updates else f"{settings.epochs} epochs"
        )
        rate = f"learning rate {settings.learning_rate:g}"
        if settings.discriminator_learning_rate:
            rate += f" ({settings.discriminator_learning_rate:g} for the discriminator)"
        options = [self.describe_discriminator(settings), *self.describe_options(settings)]
        averaged = "the moving average of its weights" if settings.weights == "averaged" else ""
        drawing = averaged or "the generator of the last update"
        return (
            f"{self.title} {each}, trained for {length} on {images_learnt(settings)}. Latent "
            f"vectors of {settings.latent}; {self.describe_generator(settings)}, "
            f"{'; '.join(options)}; batches of {settings.batch}; Adam with "
            f"{rate}, beta1 {settings.beta1:g} and beta2 {settings.beta2:g}. The samples are drawn "
            f"by {drawing}."
        )

    def describe_generator(self, settings: Any) -> str:
        """Return the generator in words."""
        widths = "-".join(map(str, settings.generator_channels))
        is_nearest = settings.upsampling == "nearest"
        upsampling = " after nearest-neighbour upsampling" if is_nearest else ""
        return f"generator of {widths} feature maps{upsampling}"

    def describe_discriminator(self, settings: Any) -> str:
        """Return the discriminator in words."""
        widths = "-".join(map(str, settings.discriminator_channels))
        return f"discriminator of {widths} feature maps"

    def describe_options(self, settings: Any) -> list[str]:
        """Return what else differs from the paper's GAN, in words."""
        return []


def by_phases(layer: Layer, kernel: int) -> Layer:
    """Return a convolution as computed by the four phases of its larger side (`shared.layers`)."""
    taps = 2 * ceil(kernel // 2 / 2) + 1
    return replace(layer, multiply_adds=layer.multiply_adds // kernel**2 * 4 * taps**2)


def image_convolution(channels: int, kernel: int, side: int, *, biases: int) -> Layer:
    """Return a layer between one image and feature maps of half its side, by phases."""
    layer = by_phases(convolution(1, channels, kernel, side), kernel)
    return replace(layer, weights=layer.weights + biases)
