"""Conditional GAN: one generator and one discriminator for all classes, for few images.

The class enters by the generator's batch norm (de Vries et al. 2017, arXiv 1707.00683) and by a
projection in the discriminator (Miyato & Koyama 2018, arXiv 1802.05637), without the auxiliary
classifier of an ACGAN. The widths are an eighth of the paper's DCGAN.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from augtrial.config.types import Channels, Count
from augtrial.core.cost import Layer, dense
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.regularised_gan import RegularisedGan, RegularisedGanSettings

if TYPE_CHECKING:
    from torch import nn


class CganSettings(RegularisedGanSettings):
    """One conditional GAN for all classes, with defaults for few images."""

    kind: Literal["cgan"] = Field("cgan", description="The kind of synthesizer.")
    classic: Count | Literal["online"] = Field(
        "online",
        description="Classic variants per fold that it learns from, beside the ROIs; or `online`: "
        "instead of the ROI, a new random variant each time, none stored.",
    )
    generator_channels: Channels = Field(
        [128, 64, 32, 16],
        description="Feature maps at 4x4 and after each doubling of the side except the last; "
        "roi.size is 4 x 2^(number of values).",
    )
    discriminator_channels: Channels = Field(
        [16, 32, 64, 128], description="Feature maps of the strided convolutions."
    )
    updates: Count = Field(
        4000, description="Updates of the generator; 0: as many as the epochs make."
    )
    batch: Annotated[int, Field(ge=2)] = Field(16, description="Images per update.")
    weights: Literal["raw", "averaged"] = Field(
        "averaged",
        description="Which generator draws: `averaged`, the moving average of its weights and "
        "batch-norm statistics; `raw`, that of the last update.",
    )
    spectral_norm: bool = Field(
        True,
        description="Spectral norm of the discriminator's layers in place of its batch norm "
        "(Miyato et al. 2018).",
    )
    loss: Literal["cross-entropy", "hinge"] = Field(
        "hinge",
        description="What is minimised of real and synthetic images' scores: `hinge` (Lim & Ye "
        "2017); `cross-entropy` (Goodfellow et al. 2014, non-saturating).",
    )


@synthesizers.register
class Cgan(RegularisedGan):
    """A generator and a discriminator that are both told the class."""

    name, Settings, title = "cgan", CganSettings, "A conditional GAN"
    conditions = ("class",)

    def generator(self, settings: Any, *, classes: int) -> "nn.Module":
        """Return a generator whose batch norm has a scale and a shift for each class."""
        from augtrial.synthesizers.shared.projection_networks import Generator

        return Generator(classes=classes, **self.generator_options(settings))

    def plain_discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return a discriminator whose score has a part of the class."""
        from augtrial.synthesizers.shared.projection_networks import Discriminator

        return Discriminator(classes=classes, **self.discriminator_options(settings))

    def generator_layers(self, settings: Any, classes: int) -> list[Layer]:
        """Return the DCGAN's layers, with the batch norm of each class."""
        return [
            layer if layer.multiply_adds else replace(layer, weights=classes * layer.weights)
            for layer in super().generator_layers(settings, classes)
        ]

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the DCGAN's layers and the projection."""
        layers = super().discriminator_layers(settings, classes, size)
        return [*layers, dense(16 * settings.discriminator_channels[-1], classes, bias=False)]

    def describe_generator(self, settings: Any) -> str:
        """Return the generator in words."""
        return f"{super().describe_generator(settings)} with batch norm by class"

    def describe_discriminator(self, settings: Any) -> str:
        """Return the discriminator in words."""
        return f"{super().describe_discriminator(settings)} with a projection of the class"
