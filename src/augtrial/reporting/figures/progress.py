"""A synthesizer's images over its training: a row follows one latent vector."""

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

    `progress` holds `updates` [k] and `images/<class>` uint8 [k, examples, s, s].
    """
    updates = np.unique(progress["updates"]).tolist()  # each network of a fold names the same
    image_rows: list[ImageRow] = []
    drawn = [label for label in style.classes if f"images/{label}" in progress]
    for label in drawn:
        images = progress[f"images/{label}"]
        for latent in range(min(LATENTS, images.shape[1])):
            over = [f"update {update}" for update in updates] if not image_rows else ()
            about = {"class": label, "source": synthesizer, "latent": latent}
            cells = [{**about, "update": update} for update in updates]
            heading = "" if latent else label
            image_rows.append(ImageRow(list(images[:, latent]), cells, heading=heading, over=over))
    figure = draw_image_grid(image_rows, len(updates))
    data = grid_table(image_rows, ["class", "source", "latent", "update"])
    told = listed(list(map(str, updates)))
    alt = f"Images of {synthesizer} for {listed(drawn)} after {told} updates; "
    alt += "each row follows one latent vector."
    return Drawing(figure, data, f"Images over the training: {synthesizer}", alt)
