from augtrial.jobs import job

with job(snakemake):
    from augtrial.cohort.lesion import Lesion
    from augtrial.cohort.phantom import draw_lesions
    from augtrial.cohort.readers import lesion_slice
    from augtrial.files import write_arrays
    from augtrial.oracle import oracle_images
    from augtrial.settings import ClassicSettings, RoiSettings

    params, names = snakemake.params, snakemake.wildcards
    if params.phantom is not None:
        # Each part of each replicate draws new patients.
        stream = f"oracle-{params.seed}-{names.replicate}-{names.part}"
        drawn = draw_lesions(stream=stream, **params.phantom)
        fresh = ((f"{stream}-{i}", lesion.label, lesion) for i, lesion in enumerate(drawn))
    else:
        rows = [Lesion.of(values) for values in params.lesions]
        fresh = ((lesion.lesion_id, lesion.label, lesion_slice(lesion)) for lesion in rows)
    images = oracle_images(
        fresh,
        params.number,
        RoiSettings(**params.roi),
        ClassicSettings(**params.classic),
        seed=params.seed,
        replicate=int(names.replicate),
    )
    named = {f"images/{label}": pixels for label, pixels in images.items()}
    write_arrays(snakemake.output.images, **named)
