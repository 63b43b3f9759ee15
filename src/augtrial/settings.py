"""Typed settings: every key of a study's config, its default and where the default comes from.

The defaults are the paper's values (Frid-Adar et al. 2018, arXiv 1803.01229; sections named);
where the paper is silent the description says so. Keys that nobody knows are refused.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.types import StringConstraints

from augtrial.errors import UserError
from augtrial.replicate import Replicate
from augtrial.settings_problems import cross_problems, validation_problems
from augtrial.spelling import contrast_arms

# Names become file names and Snakemake wildcards; a dot or a slash would be parsed into others.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+ -]*$")]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Channels = Annotated[list[Positive], Field(min_length=1, max_length=6)]

# How a config names an endpoint that a verdict can stand on: the endpoint and the class.
PRIMARY_ENDPOINTS = {
    "macro sensitivity": ("sensitivity", "macro"),
    "weighted sensitivity": ("sensitivity", "weighted"),
    "macro specificity": ("specificity", "macro"),
    "weighted specificity": ("specificity", "weighted"),
    "accuracy": ("accuracy", "all"),
    "auc": ("auc", "macro"),
}


class Model(BaseModel):
    """A group of settings: no unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class PhantomSettings(Model):
    """The built-in cohort: a phantom of portal-phase liver CT."""

    seed: int = Field(0, description="Seed of the cohort; the study's own seed leaves it as it is.")
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
        description="Number of folds (section 4: 3). A `fold` column in the lesion table wins.",
    )
    split: Literal["auto", "each", "one"] = Field(
        "auto",
        description="`each`: every replicate splits anew; `one`: all replicates use one split; "
        "`auto`: `each`, unless the synthesizers are shared.",
    )


class ClassicSettings(Model):
    """Classic augmentation: N = rotations x (1 + flips + translations + scales) variants."""

    rotations: Positive = Field(30, description="N_rot, angles uniform in [0, 180] degrees.")
    flips: Annotated[int, Field(ge=0, le=3)] = Field(
        3, description="N_flip: up-down, left-right, both, in this order."
    )
    translations: Count = Field(7, description="N_trans, pairs (x, y).")
    scales: Count = Field(5, description="N_scale.")
    translation_pixels: Annotated[float, Field(ge=0)] = Field(
        4.0, description="Translations are uniform in (-p, p), p = min(this, the next) pixels."
    )
    translation_share: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.1, description="The same bound as a share of the lesion's diameter."
    )
    scale_range: tuple[Share, Share] = Field(
        (0.1, 0.4),
        description="Extra margin on each side, as a share of the diameter, uniform in this range.",
    )

    @property
    def number(self) -> int:
        """N = N_rot x (1 + N_flip + N_trans + N_scale), the variants of a lesion."""
        return self.rotations * (1 + self.flips + self.translations + self.scales)


class _Adversarial(Model):
    """What DCGAN and ACGAN have in common."""

    classic: Count = Field(
        5000, description="Classic variants per fold that it learns from (section 4.2: 5000)."
    )
    latent: Positive = Field(100, description="Length of z, uniform in [-1, 1] (section 3.1).")
    generator_channels: Channels = Field(
        [1024, 512, 256, 128],
        description="Maps at 4x4 and after each fractionally-strided convolution but the last; "
        "the ROI's side is 4 x 2^(their number) (section 3.1).",
    )
    discriminator_channels: Channels = Field(
        [128, 256, 512, 1024],
        description="Maps of the strided convolutions (not stated; mirrors the generator).",
    )
    kernel: Literal[3, 5, 7] = Field(5, description="Side of all kernels (section 3.1: 5).")
    epochs: Positive = Field(70, description="Passes over the training images (section 3.1: 70).")
    batch: Annotated[int, Field(ge=2)] = Field(64, description="Images an update.")
    learning_rate: Rate = Field(0.0002, description="Adam's step size.")
    beta1: Share = Field(0.5, description="Adam's first decay.")
    beta2: Share = Field(0.999, description="Adam's second decay.")
    snapshots: Positive = Field(
        6, description="Sample grids kept over the epochs, the last one included."
    )
    samples: Count = Field(
        4000,
        description="Images drawn per class and fold once it is trained; an arm takes the first "
        "of them, so that smaller sizes are nested in larger ones (section 4.2: up to 4000).",
    )


class DcganSettings(_Adversarial):
    """One DCGAN per class (section 3.1)."""

    network: Literal["dcgan"] = Field("dcgan", description="Which network this is.")


class AcganSettings(_Adversarial):
    """One ACGAN for all classes (section 3.2)."""

    network: Literal["acgan"] = Field("acgan", description="Which network this is.")
    learning_rate: Rate = Field(0.0001, description="Adam's step size (section 3.2).")
    epochs: Positive = Field(50, description="Passes over the training images (section 3.2: 50).")
    embedding: Positive = Field(
        50, description="Length of the class embedding that joins z (not stated)."
    )
    discriminator: Literal["dcgan", "odena"] = Field(
        "dcgan",
        description="`dcgan`: the paper's. `odena`: 3x3 kernels, a stride in every odd layer, "
        "dropout 0.5 (Odena et al. 2017), which the paper names but did not use.",
    )


SynthesizerSettings = Annotated[DcganSettings | AcganSettings, Field(discriminator="network")]


def synthesizer_settings(values: dict[str, Any]) -> DcganSettings | AcganSettings:
    """Return a synthesizer's settings from plain values."""
    return TypeAdapter(SynthesizerSettings).validate_python(values)


class Budget(Model):
    """How long a classifier trains: give one of the two."""

    epochs: Positive | None = Field(None, description="Passes over the arm's training set.")
    updates: Positive | None = Field(
        None, description="Gradient updates with full batches, the same number whatever the arm."
    )


class ClassifierSettings(Model):
    """The CNN that is judged (section 2.3)."""

    channels: Channels = Field(
        [32, 64, 128], description="Maps of the 3x3 convolutions, each with a 2x2 max-pool."
    )
    dense: Positive = Field(256, description="Width of the dense layer.")
    dropout: Share = Field(0.5, description="Share of the dense layer dropped while training.")
    learning_rate: Rate = Field(0.001, description="Step size of SGD with Nesterov momentum.")
    momentum: Share = Field(0.9, description="Nesterov momentum (value not stated).")
    batch: Annotated[int, Field(ge=1)] = Field(64, description="Images an update.")
    budget: Budget = Field(
        Budget(epochs=150), description="Training time of every arm that names none itself."
    )
    stops: list[Positive] = Field(
        [],
        description="Numbers of updates after which each arm's network is judged as well, for "
        "accuracy against updates; nothing is chosen by it.",
    )


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
    copies: Count = Field(
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
        added = self.extra_classic or self.copies or self.oracle
        return bool(self.baseline or added or self.classic == "online")

    def scaled(self, replicate: Replicate) -> "Arm":
        """Return the arm with its sizes at a replicate's share of the training patients."""
        of = replicate.of
        synthetic = {
            name: of(size) if isinstance(size, int) else {c: of(n) for c, n in size.items()}
            for name, size in self.synthetic.items()
        }
        sizes = {"extra_classic": self.extra_classic, "copies": self.copies, "oracle": self.oracle}
        sizes |= {"classic": self.classic} if isinstance(self.classic, int) else {}
        scaled = {key: of(size) for key, size in sizes.items()}
        return self.model_copy(update={**scaled, "synthetic": synthetic})


class OracleSettings(Model):
    """Fresh real lesions of new patients, for the arms that ask for them: the positive control."""

    table: str = Field(
        "",
        description="A second lesion table; its lesions that are not in the cohort, nor of a "
        "patient of the cohort, are the fresh ones. Empty for the built-in cohort, which draws its "
        "own.",
    )
    lesions: Positive = Field(
        200, description="Fresh lesions per class and fold that the built-in cohort draws."
    )


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

    shares: list[Annotated[int, Field(ge=1, le=99)]] = Field(
        [],
        description="Percentages of the training patients, besides all of them, for example "
        "[25, 50, 75]. Smaller subsets are nested in larger ones, sizes of the arms shrink with "
        "them, and the held-out lesions stay all of them.",
    )
    arms: list[str] = Field(
        [], description="The arms to train on them; empty: those of the first contrast."
    )


class EmbeddingSettings(Model):
    """The t-SNE picture of the classifier's last layer (the paper's Figure 9)."""

    arms: list[str] = Field(
        [], description="Two arms to compare; empty: those of the first contrast, reversed."
    )
    lesions: Positive = Field(
        1000,
        description="Held-out lesions shown, at most; of more, so many are drawn. Beyond some "
        "thousand the picture takes long and is hard to read.",
    )
    variants: Count = Field(8, description="Variants shown for each held-out lesion.")
    perplexity: Rate = Field(30.0, description="t-SNE's perplexity, the same for both arms.")
    neighbours: Positive = Field(
        5, description="k of the patient-grouped nearest-neighbour accuracy beside the picture."
    )


class FidelitySettings(Model):
    """How synthetic images are held against real ones; nothing is chosen by it."""

    images: Count = Field(
        200,
        description="Synthetic images of each class and fold that are looked at, at most; 0: none.",
    )
    arm: str = Field(
        "",
        description="The arm whose classifiers give the features; one without synthetic images or "
        "fresh lesions. Empty: the first such arm with classic variants, else the first such.",
    )
    weights: str = Field(
        "",
        description="A state dict of a torchvision network, for features from elsewhere as well; "
        "empty: none. Their name is the file's.",
    )
    architecture: str = Field(
        "resnet50", description="Which network of torchvision `weights` belong to."
    )


class FigureSettings(Model):
    """How results look; a change here trains nothing."""

    palette: Literal[
        "colorblind", "deep", "muted", "bright", "dark", "Set1", "Set2", "Dark2", "tab10"
    ] = Field("colorblind", description="A seaborn palette for the arms.")
    colormap: Literal["Blues", "Greens", "Greys", "Oranges", "Purples", "cividis", "viridis"] = (
        Field("Blues", description="A Matplotlib colour map for confusion matrices.")
    )
    examples: Positive = Field(
        8, description="Images a class in contact sheets and sample grids, at most."
    )
    order: list[str] = Field(
        [], description="Arms in the order in which they are shown; the others follow."
    )
    labels: dict[str, str] = Field(
        {},
        description="Texts in figures and what to write instead, for example for another language: "
        "`{Sensitivity: Sensitivität, none: keine}`. Whole texts, their lines, and arms or classes "
        "within them.",
    )


class Settings(Model):
    """A study."""

    study: Name = Field(description="Its name; results land in results/<study>/.")
    note: str = Field("", description="A sentence that the report shows at its top.")
    seed: int = Field(1, description="The one seed that all randomness derives from.")
    replicates: Positive = Field(
        6,
        description="Seeds of the whole recipe: split, variants, synthesizers, classifiers "
        "(the paper: one; an interval worth reading needs six).",
    )
    share_synthesizer: bool = Field(
        False,
        description="Train each synthesizer once a fold for all replicates, which then use one "
        "split. Cheaper; the tables then say what the results are conditional on.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto`: a GPU where there is one, else the CPU; `cuda`: a GPU or no training.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="`auto`: bfloat16 autocast where the device has it."
    )
    jobs: Literal["network", "fold"] = Field(
        "network",
        description="One training job a `network`: a class of a DCGAN, an ACGAN, an arm, a curve. "
        "Or two a `fold`, one for its synthesizers and their samples and one for its classifiers, "
        "where trainings are short or on a GPU, which trains networks side by side. They keep what "
        "they have trained, so that a new arm trains alone either way. Choose before the first "
        "run: the other way trains anew.",
    )
    cohort: CohortSettings = Field(CohortSettings(), description="")
    roi: RoiSettings = Field(RoiSettings(), description="")
    folds: FoldSettings = Field(FoldSettings(), description="")
    classic: ClassicSettings = Field(ClassicSettings(), description="")
    synthesizers: dict[Name, SynthesizerSettings] = Field(
        {"dcgan": DcganSettings(), "acgan": AcganSettings()},
        description="Generative models by name; `network` says of which kind.",
    )
    oracle: OracleSettings = Field(OracleSettings(), description="")
    classifier: ClassifierSettings = Field(ClassifierSettings(), description="")
    arms: dict[Name, Arm] = Field(
        min_length=1, description="What is compared. Nothing else needs an edit to change an arm."
    )
    curves: dict[Name, Curve] = Field({}, description="Size curves; they get no contrast.")
    subsets: SubsetSettings = Field(SubsetSettings(), description="")
    contrasts: list[str] = Field(
        [],
        description='Pairs of arms named before the run, as "a - b": a minus b. The first is the '
        "primary one.",
    )
    primary_endpoint: Literal[tuple(PRIMARY_ENDPOINTS)] = Field(  # type: ignore[valid-type]
        "macro sensitivity", description="The one endpoint that verdicts stand on."
    )
    margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.03,
        description="The smallest difference that matters, as a fraction: an interval inside it "
        'says "no relevant difference".',
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.95, description="Confidence of every interval; verdicts use the level that is left."
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
        if not self.subsets.shares:
            return []
        wanted = self.subsets.arms or [
            arm for contrast in self.contrasts[:1] for arm in contrast_arms(contrast)
        ]
        return [name for name in self.trained_arms if name in wanted]

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
        wanted = self.fidelity.images and self.feature_arm
        return list(self.used_synthesizers) if wanted else []

    @property
    def feature_arm(self) -> str:
        """The arm whose classifiers give the features; empty if there is none."""
        if self.fidelity.arm:
            return self.fidelity.arm
        plain = {
            name: arm
            for name, arm in self.trained_arms.items()
            if not arm.synthetic and not arm.oracle
        }
        return next((name for name, arm in plain.items() if arm.classic), next(iter(plain), ""))

    @property
    def used_synthesizers(self) -> "dict[str, DcganSettings | AcganSettings]":
        """The synthesizers that an arm or a curve asks for; the others are not trained."""
        names = {name for arm in self.arms.values() for name in arm.synthetic}
        names |= {curve.vary for curve in self.curves.values()}
        return {name: value for name, value in self.synthesizers.items() if name in names}


def read_settings(config: dict[str, Any], source: str = "the config") -> Settings:
    """Return the settings of a config dictionary as Snakemake or YAML gives it.

    Raises:
        UserError: with every unknown key (and the nearest known one), every wrong value and
            every contradiction, each on a line.
    """
    title = f"{source} has settings that cannot be used:"
    try:
        settings = Settings.model_validate(config)
    except ValidationError as error:
        raise UserError(validation_problems(error, Settings), title) from None
    if problems := cross_problems(settings):
        raise UserError(problems, title)
    return settings


def read_settings_file(path: Path) -> Settings:
    """Return the settings of one YAML file, which stands alone."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path} holds no settings; it should start with a key such as 'study:'")
    return read_settings(config, str(path))
