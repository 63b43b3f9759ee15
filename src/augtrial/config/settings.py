"""A study's settings: every key of its config, its default and where the default comes from.

Sections are those of Frid-Adar et al. 2018 (arXiv 1803.01229).
"""

from typing import Annotated, Literal

from pydantic import Field

from augtrial.config.arms import Arm, Curve, SubsetSettings
from augtrial.config.classifier import ClassifierSettings
from augtrial.config.cohort import (
    ClassicSettings,
    CohortSettings,
    FoldSettings,
    OracleSettings,
    RoiSettings,
)
from augtrial.config.results import EmbeddingSettings, FidelitySettings, FigureSettings
from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.config.types import Model, Name, Positive
from augtrial.core.names import PRIMARY_ENDPOINTS, contrast_arms


class Settings(Model):
    """A study."""

    study: Name = Field(description="Its name; results are written to results/<study>/.")
    note: str = Field("", description="A sentence that the report shows at its top.")
    lock: str = Field(
        "",
        description="The lock that `augtrial lock` wrote before the run: the report says whether "
        "it was kept, and how the study deviates from it (docs/registration.md). Empty: none.",
    )
    seed: int = Field(1, description="The seed from which all random numbers are derived.")
    replicates: Positive = Field(
        6,
        description="Repetitions of the whole procedure, each with its own seed: split, variants, "
        "synthesizers, classifiers (the paper: one; a verdict needs six).",
    )
    share_synthesizer: bool = Field(
        False,
        description="Train each synthesizer once per fold for all replicates, which then use one "
        "split. Faster; the tables then say that the results are conditional on these.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto`: a GPU if there is one, else the CPU; `cuda`: a GPU or an error.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="`auto`: bfloat16 autocast where measurements showed it faster."
    )
    task: str = Field("classification", description="The problem on which the arms are tested.")
    cohort: CohortSettings = Field(CohortSettings(), description="")
    roi: RoiSettings = Field(RoiSettings(), description="")
    folds: FoldSettings = Field(FoldSettings(), description="")
    classic: ClassicSettings = Field(ClassicSettings(), description="")
    synthesizers: dict[Name, SynthesizerSettings] = Field(
        {},
        description="Generative models by name; `kind` is the kind of model. An arm may name a "
        "kind that is not listed here: it is then used with its defaults.",
    )
    fitness: bool = Field(
        True,
        description="Judge each synthesizer by a second network, trained without some of the "
        "training patients; arms of an unfit one get no verdict (docs/fitness.md). false: arms of "
        "all synthesizers get one.",
    )
    oracle: OracleSettings = Field(OracleSettings(), description="")
    classifier: ClassifierSettings = Field(description="")
    arms: dict[Name, Arm] = Field(
        min_length=1, description="What is compared. An arm is added or changed only here."
    )
    curves: dict[Name, Curve] = Field({}, description="Size curves; contrasts do not use them.")
    subsets: SubsetSettings = Field(SubsetSettings(), description="")
    contrasts: list[str] = Field(
        [],
        description='Pairs of arms named before the run: "a - b" (a minus b, two-sided), or '
        'one-sided "a non-inferior to b" and "a superior to b by margin".',
    )
    primary: str = Field(
        "",
        description="The contrast that is tested first, at the full level; empty: the first one. "
        "One whose first arm alone has fresh lesions is a positive control, at the full level too. "
        "The others are adjusted among themselves (Holm).",
    )
    primary_endpoint: Literal[tuple(PRIMARY_ENDPOINTS)] = Field(  # type: ignore[valid-type]
        "macro sensitivity", description="The one endpoint on which verdicts are based."
    )
    margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.03,
        description="The smallest relevant difference, as a fraction: an interval within the "
        'margin means "no relevant difference".',
    )
    margin_reason: str = Field("", description="Why the margin is relevant, for the protocol.")
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.95, description="Confidence level of every interval; verdicts use 1 - confidence."
    )
    embedding: EmbeddingSettings = Field(EmbeddingSettings(), description="")
    fidelity: FidelitySettings = Field(FidelitySettings(), description="")
    figures: FigureSettings = Field(FigureSettings(), description="")

    @property
    def trained_arms(self) -> "dict[str, Arm]":
        """The arms that train networks; the others are baselines."""
        return {name: arm for name, arm in self.arms.items() if arm.baseline is None}

    @property
    def baselines(self) -> dict[str, str]:
        """The arms that are baselines, and their kinds."""
        return {name: arm.baseline for name, arm in self.arms.items() if arm.baseline}

    @property
    def subset_arms(self) -> list[str]:
        """The arms that are trained on subsets of the patients as well, in the study's order."""
        if not self.subsets.fractions:
            return []
        first = contrast_arms(self.primary_contrast)
        wanted = self.subsets.arms or first
        return [name for name in self.trained_arms if name in wanted]

    @property
    def primary_contrast(self) -> str:
        """The contrast that is tested first; empty if there is none."""
        return self.primary or next(iter(self.contrasts), "")

    @property
    def positive_controls(self) -> list[str]:
        """The contrasts that fresh lesions should win: their first arm alone has an oracle."""
        pairs = {contrast: contrast_arms(contrast) for contrast in self.contrasts}
        return [
            contrast
            for contrast, (a, b) in pairs.items()
            if self.arms[a].oracle and not self.arms[b].oracle
        ]

    @property
    def appraised_synthesizers(self) -> list[str]:
        """The synthesizers whose images are held against real ones; none without features."""
        return list(self.used_synthesizers) if self.fidelity.images and self.feature_arm else []

    @property
    def feature_arm(self) -> str:
        """The arm whose classifiers give the features; empty if there is none."""
        if self.fidelity.arm:
            return self.fidelity.arm
        arms = self.trained_arms.items()
        plain = [name for name, arm in arms if not arm.synthetic and not arm.oracle]
        return next((name for name in plain if self.arms[name].classic), next(iter(plain), ""))

    @property
    def fitness_arm(self) -> Arm:
        """What the classifier learns from whose features judge fitness: real lesions alone."""
        for arm in self.trained_arms.values():
            if isinstance(arm.classic, int) and arm.classic:
                return Arm(classic=arm.classic, budget=arm.budget)
        return Arm(classic="all" if self.classic.number else 0)

    @property
    def used_synthesizers(self) -> dict[str, SynthesizerSettings]:
        """The synthesizers that an arm or a curve asks for; the others are not trained."""
        names = {name for arm in self.arms.values() for name in arm.synthetic}
        names |= {curve.vary for curve in self.curves.values()}
        return {name: value for name, value in self.synthesizers.items() if name in names}
