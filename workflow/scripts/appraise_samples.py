from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd
    import torch

    from augtrial import seeds
    from augtrial.appraisal import COLUMNS, COPIES, Side, appraise
    from augtrial.classifier import load_classifiers, predict
    from augtrial.features import ClassifierFeatures, TorchvisionFeatures
    from augtrial.files import write_arrays
    from augtrial.settings import ClassifierSettings
    from augtrial.training import load_state
    from augtrial.trainingset import read_part, read_parts, read_samples

    torch.set_num_threads(1)
    params, paths = snakemake.params, snakemake.input
    names = dict(snakemake.wildcards.items())
    parts = read_parts(paths.rois, paths.variants)
    training = Side(
        np.concatenate([part.rois for part in parts]),
        np.concatenate([part.variants[:, :COPIES] for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
    part = read_part(paths.held_out_rois, paths.held_out_variants)
    held_out = Side(part.rois, part.variants[:, :COPIES], np.array(part.labels))
    drawn = read_samples(paths.samples, [names["synthesizer"]])[names["synthesizer"]]
    samples = {label: drawn[label][: params.fidelity["images"]] for label in params.classes}
    network = load_classifiers(
        load_state(paths.network),
        ClassifierSettings(**params.settings),
        classes=len(params.classes),
        size=training.rois.shape[-1],
    )[params.arm]
    features = [ClassifierFeatures(network)]
    if params.fidelity["weights"]:
        features.append(
            TorchvisionFeatures(params.fidelity["weights"], params.fidelity["architecture"])
        )

    def called(images):
        return np.take(params.classes, predict(network, images)[0].argmax(axis=1))

    rows, pairs = appraise(
        samples,
        training,
        held_out,
        features,
        {f"samples/{label}": called(images) for label, images in samples.items()}
        | {"held out": called(held_out.rois)},
        seed=seeds.derive(params.seed, "appraisal", *names.values()),
    )
    table = pd.DataFrame(rows, columns=COLUMNS)
    for place, (column, value) in enumerate(names.items()):
        table.insert(place, column, value)
    table.to_csv(snakemake.output.table, index=False)
    write_arrays(snakemake.output.pairs, **pairs)
