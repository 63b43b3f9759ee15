from augtrial.jobs import job

with job(snakemake):
    import numpy as np

    from augtrial import seeds
    from augtrial.checkpoints import load_state
    from augtrial.device import training_device
    from augtrial.files import read_json, write_arrays
    from augtrial.settings import synthesizer_settings
    from augtrial.synthesizers.samples import draw_samples
    from augtrial.synthesizers.units import load_generator

    params, names = snakemake.params, snakemake.wildcards
    samples = {name: {} for name in params.images}
    trained_on = {name: set() for name in params.images}
    files = zip(snakemake.input.networks, snakemake.input.records, strict=True)
    with training_device(params.device, "float32") as device:
        for network, path in files:
            record, state = read_json(path), load_state(network)
            name = record["synthesizer"]
            settings = synthesizer_settings(record["settings"])
            trained_on[name] |= set(record["trained_on"])
            for label in record["learns"]:
                generator, index = load_generator(
                    state, label, settings, classes=record["classes"], size=params.size
                )
                place = name, names.replicate, names.fold, label
                samples[name][f"images/{label}"] = draw_samples(
                    generator,
                    params.images[name],
                    latent=settings.latent,
                    label=index,
                    seed=seeds.derive(params.seed, "samples", *place),
                    device=device.torch,
                )
    for (name, drawn), path in zip(samples.items(), snakemake.output, strict=True):
        write_arrays(path, trained_on=np.array(sorted(trained_on[name])), **drawn)
