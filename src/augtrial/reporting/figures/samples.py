"""Real against synthetic: a row of training ROIs above a row of synthetic images, per class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid, spread
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import listed

COLUMNS = ["row", "column", "class", "source", "lesion_id", "sample"]


@styled
def draw_samples(
    rois: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
    style: FigureStyle,
    *,
    synthesizer: str,
) -> Drawing:
    """Draw both for every class that has synthetic images.

    `rois` are images uint8 [n, s, s], lesion_id [n], label [n] of the training lesions, `samples`
    are `images/<class>` uint8 [m, s, s].
    """
    image_rows: list[ImageRow] = []
    rows: list[Any] = []
    drawn = [label for label in style.classes if len(samples.get(f"images/{label}", ()))]
    for label in drawn:
        of_class = np.flatnonzero(rois["label"] == label)
        real = of_class[spread(len(of_class), style.examples)]
        synthetic = samples[f"images/{label}"][: style.examples]
        for column, index in enumerate(real):
            found = {"source": "real", "lesion_id": rois["lesion_id"][index]}
            rows.append({"row": len(image_rows), "column": column, "class": label, **found})
        image_rows.append(ImageRow(list(rois["images"][real]), heading=label, left="real"))
        for column in range(len(synthetic)):
            found = {"source": synthesizer, "sample": column}
            rows.append({"row": len(image_rows), "column": column, "class": label, **found})
        image_rows.append(ImageRow(list(synthetic), left="synthetic"))
    figure = draw_image_grid(image_rows, style.examples, left=0.85)
    data = pd.DataFrame(rows, columns=COLUMNS).astype({"sample": "Int64"})
    shown = f"{synthesizer}, for {listed(drawn) if drawn else 'no class'}"
    alt = f"Rows of lesion pictures: real training ROIs above images of {shown}."
    return Drawing(figure, data, f"Real against synthetic: {synthesizer}", alt)
