from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial import seeds
    from augtrial.classifier import stop_name, train_classifier
    from augtrial.files import write_json
    from augtrial.replicate import Replicate
    from augtrial.settings import Arm, Budget, ClassicSettings, ClassifierSettings
    from augtrial.training import CheckpointFolder, save_state, training_device
    from augtrial.trainingset import assemble, read_parts, read_samples

    params, names = snakemake.params, dict(snakemake.wildcards.items())
    settings = ClassifierSettings(**params.settings)
    parts = read_parts(snakemake.input.rois, snakemake.input.variants)
    samples = read_samples(snakemake.input.get("samples", []), params.synthesizers)
    transformed = snakemake.input.get("transformed", [])
    online = None
    if contexts := snakemake.input.get("contexts", []):
        from augtrial.classic import OnlineVariants
        from augtrial.roi import read_contexts

        online = OnlineVariants(
            [context for path in contexts for context in read_contexts(path)],
            ClassicSettings(**params.classic),
            params.size,
            seed=seeds.derive(params.seed, "online", names["replicate"], names["fold"]),
        )
    checkpoints = CheckpointFolder(params.checkpoints, [*names.values(), dict(params.items())])
    state, history, sizes = {}, [], {}
    with training_device(params.device, params.precision) as device:
        for name, recipe in params.recipes.items():
            training = assemble(
                Arm(**recipe),
                parts,
                params.classes,
                seed=params.seed,
                replicate=Replicate.parse(names["replicate"]).number,
                samples=samples,
                transformed=transformed,
            )
            trained = train_classifier(
                training.images,
                training.labels,
                settings,
                Budget(**params.budget),
                classes=len(params.classes),
                # The same weights to begin with in every arm: arms differ in their images alone.
                seed=seeds.derive(params.seed, "classifier", names["replicate"], names["fold"]),
                device=device,
                online=online,
                checkpoint=checkpoints.of(name, training.images, training.labels),
                stops=params.stops,
            )
            states = {stop_name(name, stop): own for stop, own in trained.stops.items()}
            states[name] = trained.network.state_dict()
            state |= {
                f"{at}/{key}": value for at, own in states.items() for key, value in own.items()
            }
            history += [{"recipe": name, **row} for row in trained.history]
            sizes[name] = pd.Series(training.sources).value_counts().to_dict()
            last = trained.history[-1]
            print(f"{name}: {sizes[name]}, loss {last['loss']:.3f} after {last['update']} updates")
    save_state(snakemake.output.network, state)
    pd.DataFrame(history).to_csv(snakemake.output.history, index=False)
    record = {"recipes": params.recipes, "settings": params.settings, "budget": params.budget}
    record |= {**names, "seed": params.seed, "device": device.name, "images": sizes}
    record |= {"classes": params.classes, "trained_on": list(training.lesion_ids)}
    write_json(snakemake.output.record, record)
    checkpoints.remove()
