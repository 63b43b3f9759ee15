"""The image networks of torchvision, by name."""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from augtrial.config.classifier import ClassifierSettings
from augtrial.core.errors import UserError
from augtrial.core.names import hint
from augtrial.core.registry import classifiers
from augtrial.tasks.classification.networks.wrapped_kind import WrappedKind

if TYPE_CHECKING:
    from torch import Tensor, nn

# torchvision's own densenet files are of an older version of these names.
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d\.)")


class TorchvisionSettings(ClassifierSettings):
    """A network of torchvision, with a first layer for one channel and a last for the classes."""

    kind: Literal["torchvision"] = Field("torchvision", description="The kind of network.")
    architecture: str = Field(
        description="A classification network of `torchvision.models`, such as resnet18. Those "
        "with a fixed image size or auxiliary outputs are refused."
    )
    weights: str = Field(
        "",
        description="A state dict of this network with the initial weights (a local file). Those "
        "of the first convolution are summed over the channels, those of the last layer not used.",
    )


@classifiers.register
class Torchvision(WrappedKind):
    """A network of `torchvision.models`; what it costs is counted on the meta device."""

    name, Settings, channels_last = "torchvision", TorchvisionSettings, True

    def title(self, settings: Any) -> str:
        """Return the architecture and its key."""
        return f"classifier.architecture: torchvision's {settings.architecture}"

    def files(self, settings: Any) -> list[str]:
        """Return the file of weights, if training begins from one."""
        return [settings.weights] if settings.weights else []

    def outline(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the network on the meta device, unless its weights have to be looked at."""
        import torch

        if settings.weights:
            return self.make(settings, classes=classes, size=size)
        try:
            with torch.device("meta"):  # where it takes no time and no memory
                return self.make(settings, classes=classes, size=size)
        except NotImplementedError:  # the regnets compute with tensors while they are built
            return self.make(settings, classes=classes, size=size).to("meta")

    def make(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the network, its first layer for one channel."""
        network = torchvision_network(settings.architecture, classes)
        if settings.weights:
            head = list(network.state_dict())[-1].rpartition(".")[0]
            load_weights(network, settings.weights, settings.architecture, head)
        return _for_one_channel(network)

    def describe(self, settings: Any) -> str:
        """Return architecture and weights in words."""
        begin = f"those of {Path(settings.weights).name}" if settings.weights else "random ones"
        return (
            f"The network {settings.architecture} of torchvision, its first convolution summed "
            f"over the channels, its last layer for the classes, its initial weights {begin}"
        )


def torchvision_network(architecture: str, classes: int, group: str = "classifier") -> "nn.Module":
    """Return a network of torchvision with random weights, on the default device.

    Raises:
        UserError: there is no such network; it names the setting `<group>.architecture`.
    """
    from torchvision import models

    names = models.list_models(module=models)
    if architecture not in names:
        raise UserError(
            f"{group}.architecture: torchvision has no network '{architecture}'"
            f"{hint(architecture, names)}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of networks that are refused later
        return models.get_model(architecture, weights=None, num_classes=classes)


def _for_one_channel(network: "nn.Module") -> "nn.Module":
    """Sum the first convolution over its channels: a grey image gives what it gave in all three."""
    from torch import nn

    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    first.weight = nn.Parameter(first.weight.detach().sum(1, keepdim=True))
    first.in_channels = 1
    return network


def load_weights(
    network: "nn.Module", path: str | Path, architecture: str, head: str, group: str = "classifier"
) -> None:
    """Load a state dict into a network, all but the layers below the name `head`.

    The head answers another question than ours, in another number of classes.

    Raises:
        UserError: the file does not exist, holds no state dict, or that of another network; it
            names the setting `<group>.weights`.
    """
    what = f"{group}.weights: {path}"
    state = {k: value for k, value in _read(what, path).items() if not k.startswith(f"{head}.")}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError:
        raise UserError(f"{what} is not of {architecture}: its tensors differ in shape") from None
    missing = [key for key in missing if not key.startswith(f"{head}.")]
    if missing or unexpected:
        raise UserError(
            f"{what} is not of {architecture}: {len(missing)} tensors are missing, "
            f"{len(unexpected)} unexpected, such as {[*missing, *unexpected][0]}"
        )


def _read(what: str, path: str | Path) -> dict[str, "Tensor"]:
    """Return the tensors of a file of weights by the names that torchvision has for them now."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{what} does not exist; paths count from {Path.cwd()}") from None
    except Exception as error:  # torch has many ways to say that this is no state dict
        raise UserError(f"{what} holds no state dict: {error}") from None
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and torch.is_tensor(value) for key, value in state.items()
    ):
        raise UserError(f"{what} holds no state dict, a dictionary of names and tensors")
    return {OLD_DENSENET.sub(r"\1\2", key): value for key, value in state.items()}
