"""Contact sheet: the ROIs of every class as the networks get them."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from augtrial.figures.strips import Strip, draw_strips, spread
from augtrial.figures.style import Drawing, Look, styled
from augtrial.figures.wording import listed, shortened

ROWS = 2  # a class


@styled
def draw_contact_sheet(
    rois: Mapping[str, np.ndarray], measured: pd.DataFrame, look: Look
) -> Drawing:
    """Draw lesions of every class, spread evenly over the table, with ids and diameters.

    Args:
        rois: images uint8 [n, s, s], lesion_id [n], label [n].
        measured: rois.csv.
        look: classes, and the number of examples in a row.
    """
    index_of = {lesion: index for index, lesion in enumerate(rois["lesion_id"].tolist())}
    strips, rows = [], []
    for label in look.classes:
        own = measured[measured["label"] == label]
        own = own.iloc[spread(len(own), ROWS * look.examples)]
        lines = -(-len(own) // look.examples)
        columns = -(-len(own) // max(lines, 1))  # two rows of five rather than eight and two
        for begin in range(0, len(own), columns or 1):
            line = own.iloc[begin : begin + columns]
            for column, row in enumerate(line.itertuples()):
                place = {"row": len(strips), "column": column, "class": label}
                diameters = {"diameter_mm": row.diameter_mm, "diameter_px": row.diameter_px}
                rows.append({**place, "lesion_id": row.lesion_id, "source": "real", **diameters})
            strips.append(
                Strip(
                    [rois["images"][index_of[lesion]] for lesion in line["lesion_id"]],
                    heading=label if begin == 0 else "",
                    under=[_under(row) for row in line.itertuples()],
                )
            )
    figure = draw_strips(strips, look.examples)
    alt = f"Regions of interest of {listed(look.classes)}, {len(rows)} lesions, with diameters."
    return Drawing(figure, pd.DataFrame(rows), "Contact sheet of the lesions", alt)


def _under(row) -> str:
    known = not math.isnan(row.diameter_mm)
    size = f"{row.diameter_mm:.0f} mm" if known else f"{row.diameter_px:.0f} px"
    return f"{shortened(row.lesion_id, 11)}\n{size}"
