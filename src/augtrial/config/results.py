"""The settings of what is shown in addition to the comparison: embedding, fidelity, figures."""

from typing import Literal

from pydantic import Field

from augtrial.config.types import Count, Model, Positive, Rate


class EmbeddingSettings(Model):
    """The t-SNE picture of the classifier's last layer (the paper's Figure 9)."""

    arms: list[str] = Field(
        [], description="Two arms to compare; empty: those of the first contrast, second arm first."
    )
    lesions: Positive = Field(
        1000,
        description="Maximum number of held-out lesions shown, drawn at random if there are more. "
        "With several thousand, the picture takes long and is hard to read.",
    )
    variants: Count = Field(8, description="Variants shown for each held-out lesion.")
    perplexity: Rate = Field(30.0, description="t-SNE's perplexity, the same for both arms.")
    neighbours: Positive = Field(
        5, description="k of the nearest-neighbour accuracy shown with it (other patients only)."
    )


class FidelitySettings(Model):
    """How synthetic images are compared with real ones; nothing is selected by it."""

    images: Count = Field(
        200, description="Maximum number of synthetic images compared per class and fold; 0: none."
    )
    arm: str = Field(
        "",
        description="The arm whose classifiers give the features; one without synthetic images or "
        "fresh lesions. Empty: the first such arm with classic variants, else the first such arm.",
    )
    weights: str = Field(
        "",
        description="A state dict of a torchvision network, for a second set of features, named "
        "after the file; empty: none.",
    )
    architecture: str = Field(
        "resnet50", description="The network of torchvision to which `weights` belong."
    )


class FigureSettings(Model):
    """The appearance of the results; a change here needs no training."""

    palette: Literal[
        "colorblind", "deep", "muted", "bright", "dark", "Set1", "Set2", "Dark2", "tab10"
    ] = Field("colorblind", description="A seaborn palette for the arms.")
    colormap: Literal["Blues", "Greens", "Greys", "Oranges", "Purples", "cividis", "viridis"] = (
        Field("Blues", description="A Matplotlib colour map for confusion matrices.")
    )
    examples: Positive = Field(
        8, description="Maximum number of images per class in contact sheets and sample grids."
    )
    order: list[str] = Field(
        [], description="Arms in the order in which they are shown; arms not listed follow."
    )
    labels: dict[str, str] = Field(
        {},
        description="Texts in figures and their replacements, for example in another language: "
        "`{Sensitivity: Sensitivität, none: keine}`. Whole texts are replaced, their lines, and "
        "arms or classes within them.",
    )
