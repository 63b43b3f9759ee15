"""WGAN-GP: a critic that is kept Lipschitz by a penalty on its gradient, one pair a class.

Gulrajani et al. 2017 (arXiv 1704.00028, algorithm 1) with the DCGAN's widths: the critic has no
batch norm, since the penalty is on each image by itself, and learns five times as often as the
generator.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from augtrial.config.types import Positive, Rate, Share
from augtrial.core.cost import Cost, Layer
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import SAMPLES_PANEL
from augtrial.synthesizers.gan import GanSettings, GanSynthesizer

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from augtrial.synthesizers.shared.gan_training import Scored


class WganGpSettings(GanSettings):
    """One WGAN-GP per class (Gulrajani et al. 2017)."""

    kind: Literal["wgan_gp"] = Field("wgan_gp", description="The kind of synthesizer.")
    penalty: Rate = Field(10.0, description="Weight of the gradient penalty (lambda).")
    critic_updates: Positive = Field(
        5, description="Critic updates per generator update, each on the epoch's next batch."
    )
    epochs: Positive = Field(350, description="Passes over the training images.")
    learning_rate: Rate = Field(0.0001, description="Adam's step size.")
    beta1: Share = Field(0.0, description="Adam's first decay rate.")
    beta2: Share = Field(0.9, description="Adam's second decay rate.")


@synthesizers.register
class WganGp(GanSynthesizer):
    """A generator against a critic, whose scores are no probabilities."""

    name, Settings, title = "wgan_gp", WganGpSettings, "A WGAN-GP"
    history: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "Loss": {"loss_d": "critic", "loss_g": "generator"},
        "Score": {"score_real": "real", "score_fake": "synthetic"},
        **SAMPLES_PANEL,
    }

    def discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the DCGAN's discriminator without batch norm."""
        from augtrial.synthesizers.shared.networks import Discriminator

        channels, kernel = settings.discriminator_channels, settings.kernel
        return Discriminator(channels=channels, kernel=kernel, batch_norm=False)

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the DCGAN's layers without batch norm."""
        layers = super().discriminator_layers(settings, classes, size)
        return [layer for layer in layers if layer.multiply_adds]

    def discriminator_updates(self, settings: Any) -> int:
        """Return the critic's updates for one of the generator."""
        return settings.critic_updates

    def random_inputs(
        self, settings: Any, batch: int, generator: "torch.Generator"
    ) -> "tuple[Tensor, ...]":
        """Return where between a real and a synthetic image the penalty looks, in [0, 1]."""
        import torch

        return (torch.rand(batch, generator=generator),)

    def discriminator_loss(
        self,
        settings: Any,
        real: "Scored",
        fake: "Scored",
        discriminator: "nn.Module",
        chance: "tuple[Tensor, ...]",
    ) -> "Tensor":
        """Return D(G(z)) - D(x) + lambda (|grad D(x^)| - 1)^2 (equation 3), in float32."""
        from augtrial.synthesizers.shared.gan_training import score_gradient

        share = chance[0][:, None, None, None]
        between = share * real.images + (1 - share) * fake.images.float()
        penalty = (score_gradient(discriminator, between).norm(dim=1) - 1).square().mean()
        distance = fake.scores.float().mean() - real.scores.float().mean()
        return distance + settings.penalty * penalty

    def generator_loss(self, settings: Any, fake: "Scored") -> "Tensor":
        """Return -D(G(z))."""
        return -fake.scores.float().mean()

    def measures(self, settings: Any, real: "Scored", fake: "Scored") -> "dict[str, Tensor]":
        """Return the mean scores."""
        rows = {"score_real": real, "score_fake": fake}
        return {name: scored.scores.float().mean() for name, scored in rows.items()}

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of an update, with those of the penalties."""
        sizes: Any = {"classes": classes, "size": size}
        return self.with_penalty(super().cost(settings, **sizes), settings, **sizes)

    def describe_discriminator(self, settings: Any) -> str:
        """Return the critic in words."""
        return (
            f"{super().describe_discriminator(settings)} without batch norm, a critic with "
            f"{settings.critic_updates} updates for one of the generator and a gradient penalty of "
            f"{settings.penalty:g}"
        )
