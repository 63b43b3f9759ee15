"""Real against synthetic: a row of training ROIs above a row of synthetic images, per class."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from augtrial.figures.strips import Strip, draw_strips, spread
from augtrial.figures.style import Drawing, Look, styled
from augtrial.figures.wording import listed

COLUMNS = ["row", "column", "class", "source", "lesion_id", "sample"]


@styled
def draw_samples(
    rois: Mapping[str, np.ndarray],
    samples: Mapping[str, np.ndarray],
    look: Look,
    *,
    synthesizer: str,
) -> Drawing:
    """Draw both for every class that has synthetic images.

    Args:
        rois: images uint8 [n, s, s], lesion_id [n], label [n] of the training lesions.
        samples: `images/<class>` uint8 [m, s, s].
        look: classes, and the number of examples.
        synthesizer: its name.
    """
    strips, rows = [], []
    drawn = [label for label in look.classes if len(samples.get(f"images/{label}", ()))]
    for label in drawn:
        own = np.flatnonzero(rois["label"] == label)
        real = own[spread(len(own), look.examples)]
        synthetic = samples[f"images/{label}"][: look.examples]
        for column, index in enumerate(real):
            found = {"source": "real", "lesion_id": rois["lesion_id"][index]}
            rows.append({"row": len(strips), "column": column, "class": label, **found})
        strips.append(Strip(list(rois["images"][real]), heading=label, left="real"))
        for column in range(len(synthetic)):
            found = {"source": synthesizer, "sample": column}
            rows.append({"row": len(strips), "column": column, "class": label, **found})
        strips.append(Strip(list(synthetic), left="synthetic"))
    figure = draw_strips(strips, look.examples, left=0.85)
    data = pd.DataFrame(rows, columns=COLUMNS).astype({"sample": "Int64"})
    alt = (
        f"Rows of lesion pictures: real training ROIs above images of {synthesizer}, for "
        f"{listed(drawn) if drawn else 'no class'}."
    )
    return Drawing(figure, data, f"Real against synthetic: {synthesizer}", alt)
