"""What adversarial synthesizers share whose discriminator may be regularised: the options of it.

Each is off by default, which leaves the GAN of `gan`; they are for few training images.
"""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from augtrial.core.cost import Layer
from augtrial.synthesizers.gan import GanSettings, GanSynthesizer

if TYPE_CHECKING:
    from torch import nn


class RegularisedGanSettings(GanSettings):
    """A generator and a discriminator that may be regularised."""

    spectral_norm: bool = Field(
        False,
        description="Spectral norm of the discriminator's layers in place of its batch norm "
        "(Miyato et al. 2018).",
    )


class RegularisedGan(GanSynthesizer):
    """A generator that learns against a discriminator that may be regularised."""

    Settings = RegularisedGanSettings

    def plain_discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the discriminator before its options, with batch norm if it is to have it."""
        from augtrial.synthesizers.shared.networks import Discriminator

        return Discriminator(**self.discriminator_options(settings))

    def discriminator_options(self, settings: Any) -> dict[str, Any]:
        """Return the arguments of `shared.networks.Discriminator`."""
        return {
            "channels": settings.discriminator_channels,
            "kernel": settings.kernel,
            "batch_norm": has_batch_norm(settings),
        }

    def discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the discriminator with its options."""
        from augtrial.synthesizers.shared.spectral_norm import add_spectral_norm

        network = self.plain_discriminator(settings, classes=classes, size=size)
        if settings.spectral_norm:
            add_spectral_norm(network)
        return network

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the layers of the discriminator; spectral norm is a product a batch, no cost."""
        layers = super().discriminator_layers(settings, classes, size)
        if has_batch_norm(settings):
            return layers
        return [layer for layer in layers if layer.multiply_adds]

    def describe_options(self, settings: Any) -> list[str]:
        """Return what differs from the paper's GAN, in words."""
        clauses = []
        if settings.spectral_norm:
            clauses.append("spectral norm in place of the discriminator's batch norm")
        return clauses


def has_batch_norm(settings: Any) -> bool:
    """Return whether the discriminator has batch norm."""
    return not settings.spectral_norm
