from augtrial.jobs import job

with job(snakemake):
    import itertools

    import numpy as np
    import pandas as pd

    from augtrial import seeds
    from augtrial.appraisal import COLUMNS, Side, appraise
    from augtrial.checkpoints import load_state
    from augtrial.classifier import load_classifiers
    from augtrial.device import take_one_core
    from augtrial.features import ClassifierFeatures, TorchvisionFeatures
    from augtrial.files import write_arrays, write_table
    from augtrial.settings import ClassifierSettings
    from augtrial.trainingset import read_parts, read_samples

    take_one_core()
    params, paths, replicate = snakemake.params, snakemake.input, snakemake.wildcards.replicate
    sides = [
        Side.of_part(part.rois, part.variants, part.labels)
        for part in read_parts(paths.rois, paths.variants)
    ]
    given = []
    if params.fidelity["weights"]:
        given.append(TorchvisionFeatures(paths.weights, params.fidelity["architecture"]))
    tables, pictures = [], {}
    files = iter(paths.samples)
    for place, fold in enumerate(params.folds):
        network = load_classifiers(
            load_state(paths.networks[place]),
            ClassifierSettings(**params.settings),
            classes=len(params.classes),
            size=sides[0].rois.shape[-1],
        )[params.arm]
        own = ClassifierFeatures(network)
        training = Side.joined(sides[:place] + sides[place + 1 :])
        known = np.take(params.classes, own.called(sides[place].rois))
        for name, path in zip(
            params.synthesizers, itertools.islice(files, len(params.synthesizers)), strict=True
        ):
            drawn = read_samples([path], [name])[name]
            samples = {label: drawn[label][: params.fidelity["images"]] for label in params.classes}
            calls = {
                f"samples/{label}": np.take(params.classes, own.called(images))
                for label, images in samples.items()
            }
            rows, pairs = appraise(
                samples,
                training,
                sides[place],
                [own, *given],
                {**calls, "held out": known},
                seed=seeds.derive(params.seed, "appraisal", replicate, fold, name),
            )
            where = {"replicate": replicate, "fold": fold, "synthesizer": name}
            tables.append(pd.DataFrame([{**where, **row} for row in rows]))
            if place == 0:
                pictures |= {f"{name}/{key}": images for key, images in pairs.items()}
    columns = ["replicate", "fold", "synthesizer", *COLUMNS]
    write_table(snakemake.output.table, pd.concat(tables)[columns])
    write_arrays(snakemake.output.pairs, **pictures)
