from augtrial.jobs import job

with job(snakemake):
    import hashlib
    from pathlib import Path

    import pandas as pd

    from augtrial import seeds
    from augtrial.checkpoints import CheckpointFolder, save_state
    from augtrial.classifier_training import ClassifierTraining
    from augtrial.device import training_device
    from augtrial.engine import train_all
    from augtrial.files import write_json, write_table
    from augtrial.replicate import Replicate
    from augtrial.settings import Arm, Budget, ClassicSettings, ClassifierSettings
    from augtrial.trainingset import assemble, read_parts, read_samples

    params, inputs, outputs = snakemake.params, snakemake.input, snakemake.output
    names = dict(snakemake.wildcards.items())
    where = names["replicate"], names["fold"]
    settings = ClassifierSettings(**params.settings)
    parts = read_parts(inputs.rois, inputs.variants)
    samples = read_samples(inputs.get("samples", []), params.synthesizers)
    transformed = inputs.get("transformed", [])
    files = [outputs.network, outputs.history, outputs.record]
    files = [[own] if isinstance(own, str) else own for own in files]  # of one, or of several
    recipes = [
        (f"{path}/{name}", name, training)
        for path, training in zip(files[0], params.trainings, strict=True)
        for name in training["recipes"]
    ]
    sizes = []

    def online_variants(classic, device):
        from augtrial.online import variants_on
        from augtrial.roi import read_contexts

        contexts = [context for path in inputs.contexts for context in read_contexts(path)]
        seed = seeds.derive(params.seed, "online", *where)
        return variants_on(device, contexts, ClassicSettings(**classic), params.size, seed=seed)

    def trainings(device, checkpoints):
        for network, name, training in recipes:
            recipe = training["recipes"][name]
            learnt = assemble(
                Arm(**recipe),
                parts,
                params.classes,
                seed=params.seed,
                replicate=Replicate.parse(names["replicate"]).number,
                samples=samples,
                transformed=[
                    path for path in transformed if recipe["transforms"] and Path(path).stem == name
                ],
            )
            sizes.append(pd.Series(learnt.sources).value_counts().to_dict())
            own = {key: training[key] for key in ("budget", "online", "stops")}
            if training["online"]:  # it learns from what the contexts hold
                contexts = [Path(path).read_bytes() for path in inputs.contexts]
                own["contexts"] = [hashlib.sha256(content).hexdigest() for content in contexts]
            yield ClassifierTraining(
                learnt.images,
                learnt.labels,
                settings,
                Budget(**training["budget"]),
                classes=len(params.classes),
                # The same weights to begin with in every arm: arms differ in images alone.
                seed=seeds.derive(params.seed, "classifier", *where),
                device=device,
                online=online_variants(training["online"], device) if training["online"] else None,
                checkpoint=checkpoints.of(network, [recipe, own], learnt.images, learnt.labels),
                stops=training["stops"],
            )

    # What decides a network, whatever else the job trains; its images are part of the key as well.
    key = {k: v for k, v in params.items() if k not in ("trainings", "synthesizers")}
    place = ".".join([snakemake.rule, *names.values()])
    with (
        training_device(params.device, params.precision) as device,
        CheckpointFolder(
            params.checkpoints, place, [key, device.name], keep=not {"arm", "curve"} & set(names)
        ) as checkpoints,
    ):
        ended, seen = train_all(trainings(device, checkpoints), device), iter(sizes)
        for training, network, history, record in zip(params.trainings, *files, strict=True):
            states, rows, images = {}, [], {}
            for name, trained in zip(training["recipes"], ended, strict=False):
                states |= trained.networks(name)
                rows += [{"recipe": name, **row} for row in trained.history]
                images[name] = next(seen)
                print(f"{name}: {images[name]}, loss {trained.history[-1]['loss']:.3f}")
                print(f"trained {trained.updates} updates in {trained.seconds:.2f} s")
            state = {
                f"{at}/{key}": value for at, own in states.items() for key, value in own.items()
            }
            save_state(network, state)
            write_table(history, pd.DataFrame(rows))
            told = {k: training[k] for k in ("recipes", "budget")} | {"settings": params.settings}
            told |= {**names, "seed": params.seed, "device": device.name}
            told |= {"images": images, "classes": params.classes}
            told |= {"trained_on": [lesion for part in parts for lesion in part.lesion_ids]}
            write_json(record, told)
