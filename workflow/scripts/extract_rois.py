from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from augtrial import roi
    from augtrial.cohort.lesion import Lesion
    from augtrial.cohort.readers import lesion_slice
    from augtrial.files import write_arrays, write_table
    from augtrial.settings import ClassicSettings, RoiSettings

    settings = RoiSettings(**snakemake.params.roi)
    reach = ClassicSettings(**snakemake.params.reach)
    images, contexts, rows = [], [], []
    for values in snakemake.params.lesions:
        lesion = Lesion.of(values)
        found = lesion_slice(lesion)
        context = roi.extract_context(found, settings, reach)
        images.append(roi.extract_roi(context, settings.size))
        contexts.append(context)
        names = {key: values[key] for key in ("lesion_id", "patient_id", "label", "image")}
        rows.append({**names, **roi.measurements(found, context, settings.size)})
    ids = np.array([row["lesion_id"] for row in rows])
    labels = np.array([row["label"] for row in rows])
    write_arrays(snakemake.output.rois, images=np.stack(images), lesion_id=ids, label=labels)
    roi.write_contexts(snakemake.output.contexts, contexts)
    write_table(snakemake.output.table, pd.DataFrame(rows), float_format="%.6g")
