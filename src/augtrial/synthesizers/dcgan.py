"""DCGAN: one generator and one discriminator per class.

Radford et al. 2016 (arXiv 1511.06434) with the sizes of Frid-Adar et al. 2018, section 3.1.
"""

from typing import Literal

from pydantic import Field

from augtrial.core.registry import synthesizers
from augtrial.synthesizers.regularised_gan import RegularisedGan, RegularisedGanSettings


class DcganSettings(RegularisedGanSettings):
    """One DCGAN per class (section 3.1)."""

    kind: Literal["dcgan"] = Field("dcgan", description="The kind of synthesizer.")


@synthesizers.register
class Dcgan(RegularisedGan):
    """A DCGAN: the networks, losses and settings that adversarial synthesizers have by default."""

    name, Settings, title = "dcgan", DcganSettings, "A DCGAN"
