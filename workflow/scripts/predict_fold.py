from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd
    import torch

    from augtrial.classifier import load_classifiers, predict, recipe_and_stop
    from augtrial.files import write_table
    from augtrial.predictions import prediction_rows
    from augtrial.replicate import Replicate
    from augtrial.settings import ClassifierSettings
    from augtrial.training import load_state

    torch.set_num_threads(1)
    params, names = snakemake.params, snakemake.wildcards
    replicate = Replicate.parse(names.replicate)
    where = {"fold": names.fold, "replicate": replicate.number}
    where |= {} if replicate.share == 100 else {"share": replicate.share}
    settings = ClassifierSettings(**params.settings)
    lesions = pd.read_csv(snakemake.input.table, dtype=str, keep_default_na=False)
    with np.load(snakemake.input.rois) as arrays:
        images = arrays["images"]
    tables = {"arm": [], "curve": [], "stop": []}
    for path, (kind, name) in zip(snakemake.input.networks, params.networks, strict=True):
        networks = load_classifiers(
            load_state(path), settings, classes=len(params.classes), size=images.shape[-1]
        )
        for own_name, network in networks.items():
            recipe, stop = recipe_and_stop(own_name)
            probabilities, _ = predict(network, images)
            what = {"arm": name} if kind == "arm" else {"curve": name, "size": int(recipe)}
            what |= {} if stop is None else {"updates": stop}
            rows = prediction_rows(lesions, probabilities, params.classes, where | what)
            tables[kind if stop is None else "stop"].append(rows)
    for path in snakemake.input.get("baselines", []):
        import pickle
        from pathlib import Path

        from augtrial.baselines import baseline_scores, measure

        table = pd.read_csv(snakemake.input.table)
        for name, fitted in pickle.loads(Path(path).read_bytes()).items():
            scores = baseline_scores(
                fitted["machine"], measure(fitted["kind"], images, table), params.classes
            )
            rows = prediction_rows(lesions, scores, params.classes, where | {"arm": name})
            tables["arm"].append(rows)
    order = {name: place for place, name in enumerate(params.arms)}
    tables["arm"].sort(key=lambda rows: order[rows["arm"].iloc[0]])
    write_table(snakemake.output.arms, pd.concat(tables["arm"]))
    for kind, path in (("curve", snakemake.output.curves), ("stop", snakemake.output.stops)):
        write_table(path, pd.concat(tables[kind] or [pd.DataFrame()]))
