"""Real against synthetic: a row of training ROIs above a row of synthetic images, per class."""

from collections.abc import Mapping

import numpy as np

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid, grid_table, spread
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import listed

COLUMNS = ["class", "source", "lesion_id", "sample"]


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
    image_rows = []
    drawn = [label for label in style.classes if len(samples.get(f"images/{label}", ()))]
    for label in drawn:
        of_class = np.flatnonzero(rois["label"] == label)
        real = of_class[spread(len(of_class), style.examples)]
        synthetic = samples[f"images/{label}"][: style.examples]
        about = {"class": label, "source": "real"}
        cells = [{**about, "lesion_id": lesion} for lesion in rois["lesion_id"][real]]
        image_rows.append(ImageRow(list(rois["images"][real]), cells, heading=label, left="real"))
        about = {"class": label, "source": synthesizer}
        cells = [{**about, "sample": number} for number in range(len(synthetic))]
        image_rows.append(ImageRow(list(synthetic), cells, left="synthetic"))
    figure = draw_image_grid(image_rows, style.examples, left=0.85)
    data = grid_table(image_rows, COLUMNS).astype({"sample": "Int64"})
    shown = f"{synthesizer}, for {listed(drawn) if drawn else 'no class'}"
    alt = f"Rows of lesion pictures: real training ROIs above images of {shown}."
    return Drawing(figure, data, f"Real against synthetic: {synthesizer}", alt)
