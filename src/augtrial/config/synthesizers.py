"""What the settings of every synthesizer have; each kind's own stand in its module."""

from typing import Literal

from pydantic import Field

from augtrial.config.types import Count, Model


class SynthesizerSettings(Model):
    """A synthesizer: a generative model that is trained on the training folds."""

    kind: str = Field(description="The kind of synthesizer.")
    classic: Count | Literal["online"] = Field(
        5000,
        description="Classic variants per fold that it learns from, beside the ROIs (section 4.2: "
        "5000); or `online`: instead of the ROI, a new random variant each time, none stored.",
    )
    samples: Count = Field(
        4000,
        description="Images drawn per class and fold after the training; an arm takes the first "
        "of them, so that smaller sizes are nested in larger ones (section 4.2: up to 4000).",
    )
