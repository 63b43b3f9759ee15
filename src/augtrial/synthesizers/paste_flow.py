"""Paste and flow: pasted lesions, noised in part and cleaned again by a trained flow.

The paste gives anatomy, the flow takes away what it did wrong (Meng et al. 2022, arXiv 2108.01073,
with a diffusion model).
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.config.types import Count, Share
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import ALL, TrainedNetwork, TrainingData
from augtrial.synthesizers.untrained import UntrainedSynthesizer

if TYPE_CHECKING:
    import torch

    from augtrial.synthesizers.shared.training import Untrained


class PasteFlowSettings(SynthesizerSettings):
    """Pasted lesions, refined by a flow."""

    kind: Literal["paste_flow"] = Field("paste_flow", description="The kind of synthesizer.")
    classic: Count | Literal["online"] = Field(
        0, description="None: all its pictures are those of the two that it uses."
    )
    paste: str = Field(
        "lesion_paste", description="The synthesizer of kind `lesion_paste` that it begins with."
    )
    flow: str = Field("flow", description="The synthesizer of kind `flow` that refines them.")
    start: Share = Field(
        0.8,
        description="The flow's time to which a pasted image is noised: at 0 nothing is left of "
        "it, at 1 it stays as it is.",
    )


@synthesizers.register
class PasteFlow(UntrainedSynthesizer):
    """A lesion paste that a flow, trained on the same lesions, makes more plausible."""

    name, Settings = "paste_flow", PasteFlowSettings
    conditions = ("class",)

    def uses(self, settings: Any) -> Sequence[str]:
        """Return the paste and the flow."""
        return [settings.paste, settings.flow]

    def training(self, data: TrainingData, settings: Any, **options: Any) -> "Untrained":
        """Return what it keeps: the pictures of the paste and the network of the flow."""
        from augtrial.synthesizers.shared.training import Untrained

        kept: dict[str, Any] = {}
        for name in self.uses(settings):
            other = data.others[name][ALL]
            kept[f"{name}/settings"] = np.frombuffer(
                other.settings.model_dump_json().encode(), np.uint8
            ).copy()
            kept |= {f"{name}/{key}": value for key, value in other.state.items()}
        return Untrained(**kept)

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return for each label a pasted lesion of this class, noised and cleaned."""
        import torch

        from augtrial.synthesizers.shared.flow_sampling import refine

        settings: Any = network.settings
        paste, flow = (_used(network, name) for name in self.uses(settings))
        # The noise has chance of its own, so that fewer images are the head of more.
        noise = torch.Generator()
        noise.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        images = synthesizers[paste.settings.kind].sample(paste, labels, generator, device=device)
        return refine(flow, images, labels, settings.start, noise, device=device)

    def describe(self, settings: Any) -> str:
        """Return how the images are made."""
        return (
            f"Images of {settings.paste}, noised to the time {settings.start:g} of {settings.flow} "
            "(0 noise, 1 image) and cleaned by its network, both of the same fold. Nothing else is "
            "trained."
        )


def _used(network: TrainedNetwork, name: str) -> TrainedNetwork:
    """Return one of the two networks that were kept."""
    state = {
        key.removeprefix(f"{name}/"): value
        for key, value in network.state.items()
        if key.startswith(f"{name}/")
    }
    values: Mapping[str, Any] = json.loads(state.pop("settings").numpy().tobytes())
    settings = synthesizers[values["kind"]].Settings.model_validate(values)
    return TrainedNetwork(state, settings, network.classes, network.size)
