from augtrial.jobs import job

with job(snakemake):
    from functools import partial

    import numpy as np

    from augtrial import seeds
    from augtrial.checkpoints import load_state
    from augtrial.device import training_device
    from augtrial.files import read_json, write_arrays
    from augtrial.settings import synthesizer_settings
    from augtrial.synthesizers.samples import draw_units

    params, names = snakemake.params, snakemake.wildcards
    samples, trained_on = {}, set()
    files = zip(snakemake.input.networks, snakemake.input.records, strict=True)
    with training_device(params.device, "float32") as device:
        for network, path in files:
            record = read_json(path)
            trained_on |= set(record["trained_on"])
            place = names.synthesizer, names.replicate, names.fold
            samples |= draw_units(
                load_state(network),
                synthesizer_settings(record["settings"]),
                params.images,
                learns=record["learns"],
                classes=record["classes"],
                size=params.size,
                seed_of=partial(seeds.derive, params.seed, "samples", *place),
                device=device,
            )
    write_arrays(snakemake.output.samples, trained_on=np.array(sorted(trained_on)), **samples)
