"""ACGAN: one generator and one discriminator for all classes.

Odena et al. 2017 (arXiv 1610.09585) as Frid-Adar et al. 2018, section 3.2, use it: the DCGAN's
networks, a class embedding that joins z, and an auxiliary output that predicts the class. How the
embedding joins z is not stated. Concatenated, it let every network that we trained draw one image a
class, whatever z; multiplied with z, it does not (docs/synthesizers.md).
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from augtrial.config.types import Positive, Rate
from augtrial.core.cost import Layer, batch_norm, convolution, dense
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.regularised_gan import (
    RegularisedGan,
    RegularisedGanSettings,
    has_batch_norm,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from augtrial.synthesizers.shared.gan_training import Scored


class AcganSettings(RegularisedGanSettings):
    """One ACGAN for all classes (section 3.2)."""

    kind: Literal["acgan"] = Field("acgan", description="The kind of synthesizer.")
    learning_rate: Rate = Field(0.0001, description="Adam's step size (section 3.2).")
    epochs: Positive = Field(50, description="Passes over the training images (section 3.2: 50).")
    conditioning: Literal["product", "concatenation"] = Field(
        "product",
        description="How the class embedding joins z (not stated): `product`, of z and an "
        "embedding as long as z; `concatenation`, with which z lost its effect in our trials.",
    )
    embedding: Positive = Field(
        50, description="Length of the class embedding where it is concatenated (not stated)."
    )
    discriminator: Literal["dcgan", "odena"] = Field(
        "dcgan",
        description="`dcgan`: the paper's. `odena`: 3x3 kernels, a stride in every odd layer, "
        "dropout 0.5 (Odena et al. 2017); the paper mentions it but did not use it.",
    )


@synthesizers.register
class Acgan(RegularisedGan):
    """An ACGAN: D maximises L_S + L_C, G maximises L_C - L_S (Odena et al. 2017, eq. 1-2)."""

    name, Settings, title = "acgan", AcganSettings, "An ACGAN"
    conditions = ("class",)
    history: ClassVar[Mapping[str, Mapping[str, str]]] = {
        **RegularisedGan.history,
        "Class accuracy": {"class_real": "real", "class_fake": "synthetic"},
    }

    def generator(self, settings: Any, *, classes: int) -> "nn.Module":
        """Return a generator that is told the class."""
        from augtrial.synthesizers.shared.conditional_networks import Generator

        concatenated = settings.embedding if settings.conditioning == "concatenation" else 0
        return Generator(
            classes=classes, embedding=concatenated, **self.generator_options(settings)
        )

    def plain_discriminator(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return a discriminator with an auxiliary head."""
        from augtrial.synthesizers.shared import conditional_networks as networks

        if settings.discriminator == "odena":
            return networks.OdenaDiscriminator(classes=classes, size=size)
        return networks.Discriminator(classes=classes, **self.discriminator_options(settings))

    def measures(self, settings: Any, real: "Scored", fake: "Scored") -> "dict[str, Tensor]":
        """Return D(x), D(G(z)), and how often the auxiliary head is right."""
        rows = {"class_real": real, "class_fake": fake}
        accuracies = {name: scored.class_accuracy() for name, scored in rows.items()}
        return super().measures(settings, real, fake) | accuracies

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield the widths that make images of another side, and what Odena's own cannot have."""
        is_odena = settings.discriminator == "odena"
        for problem in super().problems(settings, size):
            if not (is_odena and problem.startswith("discriminator_channels")):
                yield problem
        if is_odena and not has_batch_norm(settings):
            yield "discriminator: odena has batch norm; take dcgan for spectral_norm or r1"

    def generator_layers(self, settings: Any, classes: int) -> list[Layer]:
        """Return the DCGAN's layers, of which the first sees the class embedding as well."""
        if settings.conditioning == "product":
            layers = super().generator_layers(settings, classes)
            return [*layers, Layer(0, classes * settings.latent, 0)]
        longer = settings.model_copy(update={"latent": settings.latent + settings.embedding})
        layers = super().generator_layers(longer, classes)
        return [*layers, Layer(0, classes * settings.embedding, 0)]

    def discriminator_layers(self, settings: Any, classes: int, size: int) -> list[Layer]:
        """Return the layers of the discriminator, with the auxiliary head."""
        if settings.discriminator == "odena":
            return odena_layers(classes, size)
        layers = super().discriminator_layers(settings, classes, size)
        return [*layers, dense(16 * settings.discriminator_channels[-1], classes)]

    def describe_discriminator(self, settings: Any) -> str:
        """Return the discriminator in words."""
        if settings.discriminator == "odena":
            return "Odena's discriminator"
        return super().describe_discriminator(settings)


def odena_layers(classes: int, size: int) -> list[Layer]:
    """Return the layers of `shared.conditional_networks.OdenaDiscriminator`."""
    widths, side, layers = (1, 16, 32, 64, 128, 256, 512), size, []
    for index, (before, after) in enumerate(pairwise(widths)):
        side //= 1 if index % 2 else 2
        layers.append(convolution(before, after, 3, side, bias=index == 0))
        layers += [batch_norm(after)] if index else []
    return [*layers, dense(side**2 * widths[-1], 1 + classes)]
