"""What adversarial synthesizers share whose discriminator may be regularised: the options of it.

Each is off by default, which leaves the GAN of `gan`; they are for few training images.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from augtrial.core.cost import Cost, Layer
from augtrial.synthesizers.gan import GanSettings, GanSynthesizer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from augtrial.synthesizers.shared.gan_training import Scored


class RegularisedGanSettings(GanSettings):
    """A generator and a discriminator that may be regularised."""

    spectral_norm: bool = Field(
        False,
        description="Spectral norm of the discriminator's layers in place of its batch norm "
        "(Miyato et al. 2018).",
    )
    loss: Literal["cross-entropy", "hinge"] = Field(
        "cross-entropy",
        description="What is minimised of real and synthetic images' scores: `cross-entropy` "
        "(Goodfellow et al. 2014, non-saturating); `hinge` (Lim & Ye 2017).",
    )
    r1: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Gamma of the R1 penalty, gamma/2 of the squared gradient of D(x) at real "
        "images (Mescheder et al. 2018). It is on each image by itself, so that the discriminator "
        "has no batch norm then.",
    )
    diff_augment: list[Literal["shift", "cutout", "contrast"]] = Field(
        [],
        description="Augmentations of all that the discriminator sees, through which the generator "
        "learns (DiffAugment: Zhao et al. 2020): `shift`, `cutout`, `contrast`.",
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
        from augtrial.synthesizers.shared.diff_augment import DiffAugment
        from augtrial.synthesizers.shared.spectral_norm import add_spectral_norm

        network = self.plain_discriminator(settings, classes=classes, size=size)
        if settings.spectral_norm:
            add_spectral_norm(network)
        return DiffAugment(network, settings.diff_augment) if settings.diff_augment else network

    def discriminator_loss(
        self,
        settings: Any,
        real: "Scored",
        fake: "Scored",
        discriminator: "nn.Module",
        chance: "tuple[Tensor, ...]",
    ) -> "Tensor":
        """Return what the discriminator minimises, the mean over a batch."""
        if settings.loss == "hinge":
            loss = real.hinge_loss(real=True) + fake.hinge_loss(real=False)
            loss = loss + real.class_loss() + fake.class_loss()
        else:
            loss = super().discriminator_loss(settings, real, fake, discriminator, chance)
        if settings.r1:
            loss = loss + settings.r1 / 2 * squared_slope(real, discriminator)
        return loss

    def generator_loss(self, settings: Any, fake: "Scored") -> "Tensor":
        """Return what the generator minimises; against a hinge it is -D(G(z)) + the class loss."""
        if settings.loss == "hinge":
            return fake.class_loss() - fake.scores.float().mean()
        return super().generator_loss(settings, fake)

    def measures(self, settings: Any, real: "Scored", fake: "Scored") -> "dict[str, Tensor]":
        """Return D(x) and D(G(z)); of a hinge's scores, which are no logits, the share above 0."""
        if settings.loss == "hinge":
            scored = {"d_real": real, "d_fake": fake}
            return {name: (batch.scores > 0).float().mean() for name, batch in scored.items()}
        return super().measures(settings, real, fake)

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the layers of the discriminator; spectral norm is a product a batch, no cost."""
        layers = super().discriminator_layers(settings, classes, size)
        if has_batch_norm(settings):
            return layers
        return [layer for layer in layers if layer.multiply_adds]

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of an update, with that of the penalty."""
        sizes: Any = {"classes": classes, "size": size}
        plain = super().cost(settings, **sizes)
        return self.with_penalty(plain, settings, **sizes) if settings.r1 else plain

    def describe_options(self, settings: Any) -> list[str]:
        """Return what differs from the paper's GAN, in words."""
        clauses = []
        if settings.spectral_norm:
            clauses.append("spectral norm in place of the discriminator's batch norm")
        if settings.loss == "hinge":
            clauses.append("hinge loss")
        if settings.r1:
            plain = "" if settings.spectral_norm else " on a discriminator without batch norm"
            clauses.append(f"R1 penalty with gamma {settings.r1:g}{plain}")
        if settings.diff_augment:
            names = ", ".join(settings.diff_augment)
            clauses.append(f"images for the discriminator augmented by DiffAugment ({names})")
        return clauses


def has_batch_norm(settings: Any) -> bool:
    """Return whether the discriminator has batch norm."""
    return not (settings.spectral_norm or settings.r1)


def squared_slope(real: "Scored", discriminator: "nn.Module") -> "Tensor":
    """Return the mean squared norm of the gradient of D at real images, in float32."""
    from augtrial.synthesizers.shared.gan_training import score_gradient

    gradient = score_gradient(discriminator, real.images, real.masks, real.labels)
    return gradient.square().sum(dim=1).mean()
