from augtrial.jobs import job

with job(snakemake):
    import pickle

    import numpy as np
    import pandas as pd

    from augtrial.baselines import fit_baseline, measure
    from augtrial.figures.tables import read_table
    from augtrial.files import written_whole

    tables = [read_table(path) for path in snakemake.input.tables]
    images = []
    for path in snakemake.input.rois:
        with np.load(path) as arrays:
            images.append(arrays["images"])
    table, images = pd.concat(tables, ignore_index=True), np.concatenate(images)
    machines = {}
    for name, kind in snakemake.params.baselines.items():
        machine = fit_baseline(measure(kind, images, table), table["label"])
        machines[name] = {"kind": kind, "machine": machine}
    with written_whole(snakemake.output.machines) as draft:
        draft.write_bytes(pickle.dumps(machines))
