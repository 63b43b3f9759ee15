from augtrial.jobs import job

with job(snakemake):
    import itertools

    import numpy as np
    import pandas as pd

    from augtrial.checkpoints import load_state
    from augtrial.classifier import load_classifiers, predict, recipe_and_stop
    from augtrial.device import take_one_core
    from augtrial.files import write_table
    from augtrial.predictions import prediction_rows
    from augtrial.replicate import Replicate
    from augtrial.settings import ClassifierSettings

    take_one_core()
    params, paths = snakemake.params, snakemake.input
    replicate = Replicate.parse(snakemake.wildcards.replicate)
    share = {} if replicate.share == 100 else {"share": replicate.share}
    settings = ClassifierSettings(**params.settings)
    order = {name: place for place, name in enumerate(params.arms)}
    tables = {"arms": [], "curves": [], "stops": []}
    files, machines = iter(paths.networks), iter(paths.get("baselines", []))
    for fold, rois, measured in zip(params.folds, paths.rois, paths.tables, strict=True):
        where = {"fold": fold, "replicate": replicate.number, **share}
        lesions = pd.read_csv(measured, dtype=str, keep_default_na=False)
        with np.load(rois) as arrays:
            images = arrays["images"]
        arms = []
        for (kind, name), path in zip(
            params.networks, itertools.islice(files, len(params.networks)), strict=True
        ):
            networks = load_classifiers(
                load_state(path), settings, classes=len(params.classes), size=images.shape[-1]
            )
            for own_name, network in networks.items():
                recipe, stop = recipe_and_stop(own_name)
                probabilities, _ = predict(network, images)
                what = {"arm": name} if kind == "arm" else {"curve": name, "size": int(recipe)}
                what |= {} if stop is None else {"updates": stop}
                rows = prediction_rows(lesions, probabilities, params.classes, where | what)
                ended = arms if kind == "arm" else tables["curves"]
                (ended if stop is None else tables["stops"]).append(rows)
        for path in itertools.islice(machines, 1):
            import pickle
            from pathlib import Path

            from augtrial.baselines import baseline_scores, measure

            table = pd.read_csv(measured)
            for name, fitted in pickle.loads(Path(path).read_bytes()).items():
                scores = baseline_scores(
                    fitted["machine"], measure(fitted["kind"], images, table), params.classes
                )
                what = where | {"arm": name}
                arms.append(prediction_rows(lesions, scores, params.classes, what))
        tables["arms"] += sorted(arms, key=lambda rows: order[rows["arm"].iloc[0]])
    for name, own in tables.items():
        write_table(snakemake.output[name], pd.concat(own or [pd.DataFrame()]))
