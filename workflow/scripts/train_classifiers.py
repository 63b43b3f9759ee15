from augtrial.jobs import job

with job(snakemake):
    import time
    from pathlib import Path

    import pandas as pd

    from augtrial import seeds
    from augtrial.classifier import stop_name, train_classifier
    from augtrial.files import write_json, write_table
    from augtrial.replicate import Replicate
    from augtrial.settings import Arm, Budget, ClassicSettings, ClassifierSettings
    from augtrial.training import CheckpointFolder, save_state, training_device
    from augtrial.trainingset import assemble, read_parts, read_samples

    params, inputs = snakemake.params, snakemake.input
    names = dict(snakemake.wildcards.items())
    where = names["replicate"], names["fold"]
    settings = ClassifierSettings(**params.settings)
    parts = read_parts(inputs.rois, inputs.variants)
    samples = read_samples(inputs.get("samples", []), params.synthesizers)
    transformed = inputs.get("transformed", [])

    def online_variants(classic):
        from augtrial.classic import OnlineVariants
        from augtrial.roi import read_contexts

        contexts = [context for path in inputs.contexts for context in read_contexts(path)]
        seed = seeds.derive(params.seed, "online", *where)
        return OnlineVariants(contexts, ClassicSettings(**classic), params.size, seed=seed)

    # What decides a network, whatever else the job trains; its images are part of the key as well.
    key = {k: v for k, v in params.items() if k not in ("trainings", "synthesizers")}
    several = len(params.trainings) > 1
    place = ".".join([snakemake.rule, *names.values()])
    outputs = snakemake.output
    files = [outputs.network, outputs.history, outputs.record]
    files = zip(*files, strict=True) if several else [files]
    with (
        training_device(params.device, params.precision) as device,
        CheckpointFolder(params.checkpoints, place, key, keep=several) as checkpoints,
    ):
        for training, (network_file, history_file, record_file) in zip(
            params.trainings, files, strict=True
        ):
            state, history, sizes = {}, [], {}
            for name, recipe in training["recipes"].items():
                learnt = assemble(
                    Arm(**recipe),
                    parts,
                    params.classes,
                    seed=params.seed,
                    replicate=Replicate.parse(names["replicate"]).number,
                    samples=samples,
                    transformed=[path for path in transformed if Path(path).stem == name],
                )
                begin = time.perf_counter()
                trained = train_classifier(
                    learnt.images,
                    learnt.labels,
                    settings,
                    Budget(**training["budget"]),
                    classes=len(params.classes),
                    # The same weights to begin with in every arm: arms differ in images alone.
                    seed=seeds.derive(params.seed, "classifier", *where),
                    device=device,
                    online=online_variants(training["online"]) if training["online"] else None,
                    checkpoint=checkpoints.of([name, training], learnt.images, learnt.labels),
                    stops=params.stops,
                )
                states = {stop_name(name, stop): own for stop, own in trained.stops.items()}
                states[name] = trained.network.state_dict()
                state |= {
                    f"{at}/{k}": value for at, own in states.items() for k, value in own.items()
                }
                history += [{"recipe": name, **row} for row in trained.history]
                sizes[name] = pd.Series(learnt.sources).value_counts().to_dict()
                last = trained.history[-1]
                took = time.perf_counter() - begin
                print(f"{name}: {sizes[name]}, loss {last['loss']:.3f}")
                print(f"trained {last['update']} updates in {took:.2f} s")
            save_state(network_file, state)
            write_table(history_file, pd.DataFrame(history))
            record = {k: training[k] for k in ("recipes", "budget")} | {"settings": params.settings}
            record |= {**names, "seed": params.seed, "device": device.name, "images": sizes}
            record |= {"classes": params.classes, "trained_on": list(learnt.lesion_ids)}
            write_json(record_file, record)
