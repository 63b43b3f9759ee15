"""Contact sheet: the ROIs of every class as the networks get them."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from augtrial.reporting.figures.image_grid import ImageRow, draw_image_grid, grid_table, spread
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import listed, shortened

ROWS = 2  # a class
COLUMNS = ["class", "lesion_id", "source", "diameter_mm", "diameter_px"]


@styled
def draw_contact_sheet(
    rois: Mapping[str, np.ndarray], measured: pd.DataFrame, style: FigureStyle
) -> Drawing:
    """Draw lesions of every class, spread evenly over rois.csv (`measured`), with their diameters.

    `rois` are images uint8 [n, s, s], lesion_id [n], label [n].
    """
    index_of = {lesion: index for index, lesion in enumerate(rois["lesion_id"].tolist())}
    image_rows = []
    for label in style.classes:
        lesions = measured[measured["label"] == label]
        lesions = lesions.iloc[spread(len(lesions), ROWS * style.examples)]
        lines = math.ceil(len(lesions) / style.examples)
        # Two rows of five rather than of eight and two.
        columns = math.ceil(len(lesions) / max(lines, 1))
        for begin in range(0, len(lesions), columns or 1):
            line = lesions.iloc[begin : begin + columns]
            cells = line.assign(**{"class": label, "source": "real"}).to_dict("records")
            images = [rois["images"][index_of[lesion]] for lesion in line["lesion_id"]]
            under = [_under(row) for row in line.itertuples()]
            image_rows.append(ImageRow(images, cells, heading="" if begin else label, under=under))
    figure, data = draw_image_grid(image_rows, style.examples), grid_table(image_rows, COLUMNS)
    alt = f"Regions of interest of {listed(style.classes)}, {len(data)} lesions, with diameters."
    return Drawing(figure, data, "Contact sheet of the lesions", alt)


def _under(row) -> str:
    known = not math.isnan(row.diameter_mm)
    size = f"{row.diameter_mm:.0f} mm" if known else f"{row.diameter_px:.0f} px"
    return f"{shortened(row.lesion_id, 11)}\n{size}"
