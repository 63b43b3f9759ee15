"""Two kinds of synthesizers that the package does not have, for the tests of the seam."""

from typing import TYPE_CHECKING, Literal

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.core.cost import Cost
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import Synthesizer

if TYPE_CHECKING:
    import torch

KEPT = 12  # images that an Echo keeps of each class


class ReplaySettings(SynthesizerSettings):
    """Training images again."""

    kind: Literal["replay"] = "replay"


class Replay(Synthesizer):
    """A synthesizer without training: it draws images of the training set at random."""

    name, Settings = "replay", ReplaySettings

    def training(self, data, settings, *, seed, device, checkpoint=None):
        """Return what it keeps: all training images of its class."""
        from augtrial.synthesizers.shared.training import Untrained

        return Untrained(images=data.images)

    def sample(self, network, labels, generator: "torch.Generator", *, device="cpu"):
        """Return images that were kept."""
        import torch

        images = network.state["images"]
        chosen = torch.randint(len(images), (len(labels),), generator=generator)
        return images[chosen].numpy()

    def updates(self, settings, images):
        """Return none."""
        return 0

    def cost(self, settings, *, classes, size):
        """Return nothing: it computes nothing."""
        return Cost(0, 0, 0)

    def describe(self, settings):
        """Return a sentence."""
        return "Training images, drawn at random."


class EchoSettings(ReplaySettings):
    """Another synthesizer's images, upside down."""

    kind: Literal["echo"] = "echo"
    used: str = "dcgan"


class Echo(Replay):
    """A synthesizer that is given another's trained network: it turns that one's images over."""

    name, Settings = "echo", EchoSettings

    def uses(self, settings):
        """Return the synthesizer that the settings name."""
        return [settings.used]

    def training(self, data, settings, *, seed, device, checkpoint=None):
        """Return what it keeps: images that the other network draws of this class."""
        import numpy as np

        from augtrial.core import seeds
        from augtrial.synthesizers.shared.training import Untrained

        (label,) = data.classes
        other = data.others[settings.used][label]
        labels = np.full(KEPT, other.classes.index(label))
        chance = seeds.torch_generator(seed, "echo")
        drawn = synthesizers[other.settings.kind].sample(other, labels, chance)
        return Untrained(images=drawn[:, ::-1].copy())

    def describe(self, settings):
        """Return a sentence."""
        return f"Images of {settings.used}, upside down."
