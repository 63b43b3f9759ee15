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
        description="An SVM on measurements of the lesions instead of a network: `hand-crafted`, "
        "grey values, texture and edges; `size`, the diameter alone; `spectrum`, the ROI's power "
        "by spatial frequency.",
    )
    originals: bool = Field(True, description="Whether the lesions' own ROIs are in the set.")
    classic: Count | Literal["all", "online"] = Field(
        0,
        description="Classic variants per fold, distributed evenly over its lesions; or `all`; or "
        "`online`: instead of the ROI, a new random variant each time, none stored.",
    )
    synthetic: dict[str, Count | dict[str, Count]] = Field(
        {},
        description="Synthesizer: synthetic images per class and fold; one number for all classes, "
        "or one per class.",
    )
    extra_classic: Count = Field(
        0,
        description="Further classic variants per class and fold: the size-matched control for the "
        "same number of synthetic images.",
    )
    duplicates: Count = Field(
        0,
        description="Images per class and fold that repeat randomly drawn images of the same set: "
        "the sham control for the same number of synthetic images.",
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
    budget: Budget | None = Field(None, description="The arm's own training time.")

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
    """Accuracy against training-set size: one arm per size (the paper's Figure 8)."""

    vary: str = Field("classic", description="What varies: `classic`, or a synthesizer's name.")
    sizes: list[Count] = Field(
        description="The sizes; per fold, and for a synthesizer per class and fold."
    )
    classic: Count = Field(
        0, description="Classic variants per fold to which the synthetic images are added."
    )
    budget: Budget | None = Field(None, description="The curve's own training time.")


class SubsetSettings(Model):
    """The same arms with fewer training patients: is a gain largest where lesions are fewest?"""

    fractions: list[Annotated[float, Field(ge=0.01, le=0.99)]] = Field(
        [],
        description="Fractions of the training patients, in addition to all patients, for example "
        "[0.25, 0.5, 0.75], in whole percent. Smaller subsets are nested in larger ones, the sizes "
        "of the arms are reduced in proportion, and all held-out lesions are tested.",
    )
    arms: list[str] = Field(
        [], description="The arms to train on them; empty: those of the first contrast."
    )

    @property
    def percents(self) -> list[int]:
        """The fractions in whole percent."""
        return [round(100 * fraction) for fraction in self.fractions]
