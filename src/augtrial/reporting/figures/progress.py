"""A synthesizer's images over the epochs: a row follows one latent vector."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import listed

LATENTS = 3


@styled
def draw_progress(
    progress: Mapping[str, np.ndarray], style: FigureStyle, *, synthesizer: str
) -> Drawing:
    """Draw the first latents of each class.

    `progress` holds `epochs` [k] and `images/<class>` uint8 [k, examples, s, s].
    """
    epochs = np.unique(progress["epochs"]).tolist()  # each network of a fold names the same
    image_rows: list[ImageRow] = []
    rows: list[Any] = []
    drawn = [label for label in style.classes if f"images/{label}" in progress]
    for label in drawn:
        images = progress[f"images/{label}"]
        for latent in range(min(LATENTS, images.shape[1])):
            over = [f"epoch {epoch}" for epoch in epochs] if not image_rows else ()
            for column, epoch in enumerate(epochs):
                position = {"row": len(image_rows), "column": column, "class": label}
                rows.append({**position, "source": synthesizer, "latent": latent, "epoch": epoch})
            heading = "" if latent else label
            image_rows.append(ImageRow(list(images[:, latent]), heading=heading, over=over))
    figure = draw_image_grid(image_rows, len(epochs))
    data = pd.DataFrame(rows, columns=["row", "column", "class", "source", "latent", "epoch"])
    alt = (
        f"Images of {synthesizer} for {listed(drawn)} at epochs {listed(list(map(str, epochs)))}; "
    )
    alt += "each row follows one latent vector."
    return Drawing(figure, data, f"Images over the epochs: {synthesizer}", alt)
