"""The settings of lesions and their pictures: cohort, ROI, folds, classic augmentation."""

from typing import Annotated, Literal

from pydantic import Field

from augtrial.config.types import Count, Model, Positive, Share


class PhantomSettings(Model):
    """The built-in cohort: a phantom of portal-phase liver CT."""

    seed: int = Field(0, description="Seed of the cohort, independent of the study's own seed.")
    classes: dict[str, Positive] = Field(
        {"cyst": 53, "metastasis": 64, "hemangioma": 65},
        description="Lesions of each class (section 2.1: 53, 64, 65).",
    )


class CohortSettings(Model):
    """The lesions of the study."""

    table: str = Field(
        "phantom",
        description="`phantom` for the built-in cohort, or the path of a lesion table "
        "(docs/lesion-table.md).",
    )
    phantom: PhantomSettings = Field(
        PhantomSettings(), description="Read only where `table` is `phantom`."
    )


class RoiSettings(Model):
    """The square region around a lesion."""

    size: Literal[16, 32, 64, 128] = Field(
        64, description="Side of the ROI in pixels (section 2.1: 64)."
    )
    margin: Annotated[float, Field(ge=0, le=2)] = Field(
        0.29,
        description="Tissue on each side of the lesion, as a share of its diameter "
        "(not stated; read off Figure 3).",
    )
    window: tuple[float, float] = Field(
        (-160.0, 240.0),
        description="Values that become 0 and 1, in HU for CT (not stated; the usual abdominal "
        "soft-tissue window, level 40, width 400). For 8-bit pictures: [0, 255].",
    )


class FoldSettings(Model):
    """Cross-validation by patient, stratified by class."""

    number: Annotated[int, Field(ge=2, le=20)] = Field(
        3,
        description="Number of folds (section 4: 3). A `fold` column in the lesion table overrides "
        "it.",
    )
    split: Literal["auto", "each", "one"] = Field(
        "auto",
        description="`each`: every replicate has its own split; `one`: all replicates use the same "
        "split; `auto`: `each`, unless the synthesizers are shared.",
    )


class ClassicSettings(Model):
    """Classic augmentation: N = n_rotations x (1 + n_flips + n_translations + n_scales)."""

    n_rotations: Positive = Field(30, description="N_rot, angles uniform in [0, 180] degrees.")
    n_flips: Annotated[int, Field(ge=0, le=3)] = Field(
        3, description="N_flip: up-down, left-right, both, in this order."
    )
    n_translations: Count = Field(7, description="N_trans, pairs (x, y).")
    n_scales: Count = Field(5, description="N_scale.")
    translation_pixels: Annotated[float, Field(ge=0)] = Field(
        4.0, description="Translations are uniform in (-p, p), p = min(this, the next key) pixels."
    )
    translation_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.1, description="The second limit, as a share of the lesion's diameter."
    )
    scale_range: tuple[Share, Share] = Field(
        (0.1, 0.4),
        description="Extra margin on each side, as a share of the diameter, uniform in this range.",
    )

    @property
    def number(self) -> int:
        """N = N_rot x (1 + N_flip + N_trans + N_scale), the variants of a lesion."""
        return self.n_rotations * (1 + self.n_flips + self.n_translations + self.n_scales)


class OracleSettings(Model):
    """Fresh real lesions of new patients, for arms with an `oracle` size: the positive control."""

    table: str = Field(
        "",
        description="A second lesion table. The fresh lesions are those that are not in the cohort "
        "and not of a patient of the cohort. Empty for the built-in cohort, which draws its own.",
    )
    lesions: Positive = Field(
        200, description="Fresh lesions per class and fold that the built-in cohort draws."
    )
