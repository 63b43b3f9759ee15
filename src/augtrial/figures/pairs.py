"""Closest pairs: the synthetic images most like copies, each above its training lesion."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from augtrial.figures.strips import Strip, draw_strips
from augtrial.figures.style import Drawing, Look, styled
from augtrial.figures.wording import listed

COLUMNS = ["row", "column", "class", "source"]


@styled
def draw_pairs(pictures: Mapping[str, np.ndarray], look: Look, *, synthesizer: str) -> Drawing:
    """Draw them class by class.

    Args:
        pictures: `<synthesizer>/samples/<class>` and `.../training/<class>`, uint8 [n, s, s].
        look: classes, and the number of examples.
        synthesizer: its name.
    """
    strips, rows = [], []
    drawn = [
        label for label in look.classes if len(pictures.get(f"{synthesizer}/samples/{label}", ()))
    ]
    for label in drawn:
        for key, left, heading in (("samples", "synthetic", label), ("training", "real", "")):
            images = pictures[f"{synthesizer}/{key}/{label}"][: look.examples]
            rows += [
                {"row": len(strips), "column": column, "class": label, "source": left}
                for column in range(len(images))
            ]
            strips.append(Strip(list(images), heading=heading, left=left))
    figure = draw_strips(strips, look.examples, left=0.85)
    alt = (
        f"Rows of pictures: the images of {synthesizer} that are most like copies, above the "
        f"training lesions that they are nearest to, for {listed(drawn) if drawn else 'no class'}."
    )
    data = pd.DataFrame(rows, columns=COLUMNS)
    return Drawing(figure, data, f"Closest pairs: {synthesizer}", alt)
