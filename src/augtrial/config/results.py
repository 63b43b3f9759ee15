"""The settings of what is looked at beside the comparison: embedding, fidelity, figures."""

from typing import Literal

from pydantic import Field

from augtrial.config.types import Count, Model, Positive, Rate


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
