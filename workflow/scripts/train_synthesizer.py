from augtrial.jobs import job

with job(snakemake):
    import pandas as pd

    from augtrial import seeds
    from augtrial.checkpoints import CheckpointFolder, save_state
    from augtrial.device import training_device
    from augtrial.files import write_arrays, write_json, write_table
    from augtrial.replicate import Replicate
    from augtrial.settings import Arm, synthesizer_settings
    from augtrial.synthesizers.units import train_units
    from augtrial.trainingset import assemble, read_parts

    params, names = snakemake.params, dict(snakemake.wildcards.items())
    settings = synthesizer_settings(params.settings)
    learnt = assemble(
        Arm(classic=settings.classic),
        read_parts(snakemake.input.rois, snakemake.input.variants),
        params.classes,
        seed=params.seed,
        replicate=Replicate.parse(names["replicate"]).number,
    )
    where = names["synthesizer"], names["replicate"], names["fold"]
    place = ".".join([snakemake.rule, *names.values()])
    with (
        training_device(params.device, params.precision) as device,
        CheckpointFolder(
            params.checkpoints, place, [dict(params.items()), device.name]
        ) as checkpoints,
    ):
        trained = train_units(
            learnt,
            settings,
            learns=params.learns,
            classes=params.classes,
            seed_of=lambda unit: seeds.derive(params.seed, *where, unit),
            device=device,
            checkpoint_of=checkpoints.of,
        )
        save_state(snakemake.output.network, trained.state)
        write_table(snakemake.output.history, pd.DataFrame(trained.history))
        write_arrays(snakemake.output.progress, **trained.progress)
        record = {"settings": params.settings, "classes": params.classes, "learns": params.learns}
        record |= {**names, "seed": params.seed, "device": device.name}
        record["trained_on"] = list(learnt.lesion_ids)
        write_json(snakemake.output.record, record)
