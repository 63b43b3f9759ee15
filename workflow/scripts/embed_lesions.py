from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from augtrial.checkpoints import load_state
    from augtrial.classifier import load_classifiers, predict
    from augtrial.device import take_one_core
    from augtrial.embedding import embed, neighbour_accuracy, shown_lesions
    from augtrial.files import write_table
    from augtrial.settings import ClassifierSettings
    from augtrial.trainingset import read_part

    take_one_core()
    params = snakemake.params
    settings = ClassifierSettings(**params.settings)
    part = read_part(snakemake.input.rois, snakemake.input.variants)
    lesions = pd.read_csv(snakemake.input.table, dtype=str, keep_default_na=False)
    chosen = shown_lesions(len(lesions), params.lesions, seed=params.seed)
    lesions = lesions.iloc[chosen].reset_index(drop=True)
    shown = min(params.variants, part.variants.shape[1])
    size = part.rois.shape[-1]
    images = [part.rois[chosen, None], part.variants[chosen, :shown]]
    images = np.concatenate(images, axis=1)
    points = lesions.loc[lesions.index.repeat(shown + 1), ["lesion_id", "patient_id", "label"]]
    points["image"] = (["roi"] + ["variant"] * shown) * len(lesions)
    groups = points["patient_id"].where(points["patient_id"] != "", points["lesion_id"])
    tables, accuracies = [], []
    for arm, path in zip(params.arms, snakemake.input.networks, strict=True):
        networks = load_classifiers(
            load_state(path), settings, classes=len(params.classes), size=size
        )
        _, features = predict(networks[arm], images.reshape(-1, size, size))
        places = embed(features, perplexity=params.perplexity, seed=params.seed)
        tables.append(points.assign(arm=arm, x=places[:, 0], y=places[:, 1]))
        accuracy = neighbour_accuracy(
            features,
            points["label"].to_numpy(),
            groups.to_numpy(),
            neighbours=params.neighbours,
        )
        accuracies.append({"arm": arm, "neighbours": params.neighbours, "accuracy": accuracy})
    columns = ["arm", "lesion_id", "patient_id", "label", "image", "x", "y"]
    write_table(
        snakemake.output.points, pd.concat(tables or [pd.DataFrame(columns=columns)])[columns]
    )
    counts = {"unit": "fraction", "replicates": 1, "folds": 1, "images": len(points)}
    counts |= {"lesions": len(lesions), "patients": groups.nunique()}
    table = pd.DataFrame(accuracies, columns=["arm", "neighbours", "accuracy"]).assign(**counts)
    write_table(snakemake.output.neighbours, table)
