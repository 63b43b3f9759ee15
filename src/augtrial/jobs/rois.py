"""The job that extracts the regions of interest of a part."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.cohort.lesion import Lesion
from augtrial.cohort.readers import lesion_slice
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core.io import write_arrays, write_table
from augtrial.imaging.context import write_contexts
from augtrial.imaging.roi import extract_context, extract_roi, measurements


def extract_rois(
    *,
    lesions: Sequence[Mapping[str, Any]],
    roi: Mapping[str, Any],
    reach: Mapping[str, Any],
    rois: str | Path,
    contexts: str | Path,
    table: str | Path,
) -> None:
    """Read a part's lesions; write their ROIs, their surroundings and their measurements.

    `lesions` are from `Lesion.values`; `reach` are the `ClassicSettings` that decide how far a
    variant reaches around a lesion. The ROIs are written as `images` uint8 [n, s, s], with
    `lesion_id` and `label` [n]; the other files as `write_contexts` and `measurements` say.

    Raises:
        UserError: a lesion cannot be read.
    """
    settings, classic = RoiSettings(**roi), ClassicSettings(**reach)
    images, surroundings, rows = [], [], []
    for values in lesions:
        image = lesion_slice(Lesion.from_values(values))
        context = extract_context(image, settings, classic)
        images.append(extract_roi(context, settings.size))
        surroundings.append(context)
        names = {key: values[key] for key in ("lesion_id", "patient_id", "label", "image")}
        rows.append({**names, **measurements(image, context, settings.size)})
    ids = np.array([row["lesion_id"] for row in rows])
    labels = np.array([row["label"] for row in rows])
    write_arrays(rois, images=np.stack(images), lesion_id=ids, label=labels)
    write_contexts(contexts, surroundings)
    write_table(table, pd.DataFrame(rows), float_format="%.6g")
