"""Closest pairs: the synthetic images most like copies, each above its training lesion."""

from collections.abc import Mapping

import numpy as np

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid, grid_table
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import listed


@styled
def draw_pairs(
    pictures: Mapping[str, np.ndarray], style: FigureStyle, *, synthesizer: str
) -> Drawing:
    """Draw them class by class.

    `pictures` are `<synthesizer>/samples/<class>` and `.../training/<class>`, uint8 [n, s, s].
    """
    image_rows = []
    samples = f"{synthesizer}/samples"
    drawn = [label for label in style.classes if len(pictures.get(f"{samples}/{label}", ()))]
    for label in drawn:
        for key, left, heading in (("samples", "synthetic", label), ("training", "real", "")):
            images = pictures[f"{synthesizer}/{key}/{label}"][: style.examples]
            cells = [{"class": label, "source": left}] * len(images)
            image_rows.append(ImageRow(list(images), cells, heading=heading, left=left))
    figure = draw_image_grid(image_rows, style.examples, left=0.85)
    alt = (
        f"Rows of pictures: the images of {synthesizer} that are most like copies, above the "
        f"training lesions that they are nearest to, for {listed(drawn) if drawn else 'no class'}."
    )
    data = grid_table(image_rows, ["class", "source"])
    return Drawing(figure, data, f"Closest pairs: {synthesizer}", alt)
