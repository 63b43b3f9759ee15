from augtrial.jobs import job

with job(snakemake):
    import numpy as np

    from augtrial import seeds
    from augtrial.files import read_json, write_arrays
    from augtrial.settings import synthesizer_settings
    from augtrial.synthesizers.samples import draw_samples
    from augtrial.synthesizers.units import load_generator
    from augtrial.training import load_state

    params, names = snakemake.params, snakemake.wildcards
    samples, trained_on = {}, set()
    for network, path in zip(snakemake.input.networks, snakemake.input.records, strict=True):
        record, state = read_json(path), load_state(network)
        settings = synthesizer_settings(record["settings"])
        trained_on |= set(record["trained_on"])
        for label in record["learns"]:
            generator, index = load_generator(
                state, label, settings, classes=record["classes"], size=params.size
            )
            samples[f"images/{label}"] = draw_samples(
                generator,
                params.counts[label],
                latent=settings.latent,
                label=index,
                seed=seeds.derive(
                    params.seed, "samples", names.synthesizer, names.replicate, names.fold, label
                ),
            )
    write_arrays(snakemake.output.samples, trained_on=np.array(sorted(trained_on)), **samples)
