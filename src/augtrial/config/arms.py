"""The recipes that are compared: arms, size curves, subsets of the patients."""

from typing import Annotated, Any, Literal

from pydantic import Field

from augtrial.config.classifier import Budget
from augtrial.config.types import Count, Model
from augtrial.core.replicate import Replicate


class Arm(Model):
    """One recipe for a training set; sizes count per fold of the cohort."""

    baseline: Literal["hand-crafted", "size", "spectrum"] | None = Field(
        None,
        description="An SVM on the lesions' own measurements instead of a network: `hand-crafted` "
        "grey values, texture and edges; `size`, the diameter alone; `spectrum`, the ROI's power "
        "by spatial frequency.",
    )
    originals: bool = Field(True, description="Whether the lesions' own ROIs are in the set.")
    classic: Count | Literal["all", "online"] = Field(
        0,
        description="Classic variants per fold, spread evenly over its lesions; or `all`; or "
        "`online`: in the ROI's place a new random variant at every draw, none stored.",
    )
    synthetic: dict[str, Count | dict[str, Count]] = Field(
        {},
        description="Synthesizer: synthetic images per class and fold; one number, or one a class.",
    )
    extra_classic: Count = Field(
        0,
        description="Further classic variants per class and fold: the size-matched control of as "
        "many synthetic images.",
    )
    duplicates: Count = Field(
        0,
        description="Images per class and fold that repeat, drawn at random, what the set has "
        "already: the sham control of as many synthetic images.",
    )
    oracle: Count = Field(
        0,
        description="Images per class and fold of fresh lesions of new patients, their ROIs first "
        "and then classic variants of them: the positive control (see `oracle`).",
    )
    transforms: list[str | dict[str, dict[str, Any] | None]] = Field(
        [],
        description="Further albumentations transforms of the arm's classic variants, by name, "
        "for example `- GaussNoise: {std_range: [0.02, 0.05], p: 0.5}`.",
    )
    budget: Budget | None = Field(None, description="A training time of this arm's own.")

    @property
    def is_control(self) -> bool:
        """Whether it stands there to explain a gain away, or to show that one could be seen."""
        added = self.extra_classic or self.duplicates or self.oracle
        return bool(self.baseline or added or self.classic == "online")

    def scaled(self, replicate: Replicate) -> "Arm":
        """Return the arm with its sizes at a replicate's share of the training patients."""
        scale = replicate.scale
        synthetic = {
            name: scale(size) if isinstance(size, int) else {c: scale(n) for c, n in size.items()}
            for name, size in self.synthetic.items()
        }
        sizes = self.model_dump(include={"classic", "extra_classic", "duplicates", "oracle"})
        scaled = {key: scale(size) for key, size in sizes.items() if isinstance(size, int)}
        return self.model_copy(update={**scaled, "synthetic": synthetic})


class Curve(Model):
    """Accuracy against training-set size: one arm a size (the paper's Figure 8)."""

    vary: str = Field("classic", description="What grows: `classic`, or a synthesizer's name.")
    sizes: list[Count] = Field(
        description="The sizes; per fold, and for a synthesizer per class and fold."
    )
    classic: Count = Field(
        0, description="Classic variants per fold below a curve of synthetic images."
    )
    budget: Budget | None = Field(None, description="A training time of this curve's own.")


class SubsetSettings(Model):
    """The same arms with fewer training patients: is a gain largest where lesions are fewest?"""

    fractions: list[Annotated[float, Field(ge=0.01, le=0.99)]] = Field(
        [],
        description="Fractions of the training patients, besides all of them, for example "
        "[0.25, 0.5, 0.75], in whole percent. Smaller subsets are nested in larger ones, sizes of "
        "the arms shrink with them, and the held-out lesions stay all of them.",
    )
    arms: list[str] = Field(
        [], description="The arms to train on them; empty: those of the first contrast."
    )

    @property
    def percents(self) -> list[int]:
        """The fractions in whole percent."""
        return [round(100 * fraction) for fraction in self.fractions]
