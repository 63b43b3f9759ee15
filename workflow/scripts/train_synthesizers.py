from augtrial.jobs import job

with job(snakemake):
    from functools import partial

    import numpy as np
    import pandas as pd

    from augtrial import seeds
    from augtrial.checkpoints import CheckpointFolder, save_state
    from augtrial.device import training_device
    from augtrial.files import write_arrays, write_json, write_table
    from augtrial.replicate import Replicate
    from augtrial.settings import Arm, synthesizer_settings
    from augtrial.synthesizers.samples import draw_units
    from augtrial.synthesizers.units import train_units
    from augtrial.trainingset import assemble, read_parts

    params, names, outputs = snakemake.params, dict(snakemake.wildcards.items()), snakemake.output
    replicate, fold = names["replicate"], names["fold"]
    parts = read_parts(snakemake.input.rois, snakemake.input.variants)
    # What decides a network, whatever else the job does.
    key = {k: v for k, v in params.items() if k not in ("trainings", "drawing")}
    place = ".".join([snakemake.rule, *names.values()])
    files = [outputs.network, outputs.history, outputs.progress, outputs.record]
    files = [[own] if isinstance(own, str) else own for own in files]  # of one, or of several
    samples = iter(outputs.get("samples", []))

    def checkpoint_of(training, unit, *arrays):
        return checkpoints.of(f"{training['synthesizer']}.{unit}", training["settings"], *arrays)

    with (
        training_device(params.device, params.precision) as device,
        CheckpointFolder(
            params.checkpoints, place, [key, device.name], keep="synthesizer" not in names
        ) as checkpoints,
    ):
        for training, network, history, progress, record in zip(
            params.trainings, *files, strict=True
        ):
            name, settings = training["synthesizer"], synthesizer_settings(training["settings"])
            learnt = assemble(
                Arm(classic=settings.classic),
                parts,
                params.classes,
                seed=params.seed,
                replicate=Replicate.parse(replicate).number,
            )
            which = {"learns": training["learns"], "classes": params.classes}
            trained = train_units(
                learnt,
                settings,
                **which,
                seed_of=partial(seeds.derive, params.seed, name, replicate, fold),
                device=device,
                checkpoint_of=partial(checkpoint_of, training),
            )
            save_state(network, trained.state)
            write_table(history, pd.DataFrame(trained.history))
            write_arrays(progress, **trained.progress)
            told = {"settings": training["settings"], **which, "synthesizer": name}
            told |= {**names, "seed": params.seed, "device": device.name}
            told["trained_on"] = list(learnt.lesion_ids)
            write_json(record, told)
            if training["images"]:
                drawn = draw_units(
                    trained.state,
                    settings,
                    training["images"],
                    **which,
                    size=learnt.images.shape[-1],
                    seed_of=partial(seeds.derive, params.seed, "samples", name, replicate, fold),
                    device=device,
                )
                known = np.array(sorted(set(learnt.lesion_ids)))
                write_arrays(next(samples), trained_on=known, **drawn)
            del trained  # a network of the paper's widths is large, and the next one begins
