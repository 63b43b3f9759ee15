"""A synthesizer's images over the epochs: a row follows one latent vector."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from augtrial.figures.strips import Strip, draw_strips
from augtrial.figures.style import Drawing, Look, styled
from augtrial.figures.wording import listed

LATENTS = 3


@styled
def draw_progress(progress: Mapping[str, np.ndarray], look: Look, *, synthesizer: str) -> Drawing:
    """Draw the first latents of each class.

    Args:
        progress: `epochs` [k], `images/<class>` uint8 [k, examples, s, s].
        look: classes.
        synthesizer: its name.
    """
    epochs = np.unique(progress["epochs"]).tolist()  # each network of a fold names the same
    strips, rows = [], []
    drawn = [label for label in look.classes if f"images/{label}" in progress]
    for label in drawn:
        images = progress[f"images/{label}"]
        for latent in range(min(LATENTS, images.shape[1])):
            words = {} if latent else {"heading": label}
            over = [f"epoch {epoch}" for epoch in epochs] if not strips else ()
            for column, epoch in enumerate(epochs):
                place = {"row": len(strips), "column": column, "class": label}
                rows.append({**place, "source": synthesizer, "latent": latent, "epoch": epoch})
            strips.append(Strip(list(images[:, latent]), over=over, **words))
    figure = draw_strips(strips, len(epochs))
    data = pd.DataFrame(rows, columns=["row", "column", "class", "source", "latent", "epoch"])
    alt = (
        f"Images of {synthesizer} for {listed(drawn)} at epochs "
        f"{listed([str(epoch) for epoch in epochs])}; each row follows one latent vector."
    )
    return Drawing(figure, data, f"Images over the epochs: {synthesizer}", alt)
