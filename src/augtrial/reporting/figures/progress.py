"""A synthesizer's images over the epochs: a row follows one latent vector."""

from collections.abc import Mapping

import numpy as np

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid, grid_table
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
    drawn = [label for label in style.classes if f"images/{label}" in progress]
    for label in drawn:
        images = progress[f"images/{label}"]
        for latent in range(min(LATENTS, images.shape[1])):
            over = [f"epoch {epoch}" for epoch in epochs] if not image_rows else ()
            about = {"class": label, "source": synthesizer, "latent": latent}
            cells = [{**about, "epoch": epoch} for epoch in epochs]
            heading = "" if latent else label
            image_rows.append(ImageRow(list(images[:, latent]), cells, heading=heading, over=over))
    figure = draw_image_grid(image_rows, len(epochs))
    data = grid_table(image_rows, ["class", "source", "latent", "epoch"])
    alt = (
        f"Images of {synthesizer} for {listed(drawn)} at epochs {listed(list(map(str, epochs)))}; "
    )
    alt += "each row follows one latent vector."
    return Drawing(figure, data, f"Images over the epochs: {synthesizer}", alt)
