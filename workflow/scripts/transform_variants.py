from augtrial.jobs import job

with job(snakemake):
    import numpy as np

    from augtrial import seeds
    from augtrial.files import written_whole
    from augtrial.replicate import Replicate
    from augtrial.trainingset import classic_counts, read_part, select_classic
    from augtrial.transforms import apply_further, further

    params, replicate = snakemake.params, Replicate.parse(snakemake.wildcards.replicate)
    part = read_part(snakemake.input.rois, snakemake.input.variants)
    counts = classic_counts(part, params.size, seed=params.seed, replicate=replicate.number)
    pipeline = further(params.transforms)
    images = [
        apply_further(
            pipeline,
            select_classic(part, np.where(np.arange(len(counts)) == index, counts, 0)),
            seeds.derive(
                params.seed,
                "transforms",
                replicate.number,
                snakemake.wildcards.arm,
                lesion,
            ),
        )
        for index, lesion in enumerate(part.lesion_ids)
        if counts[index]
    ]
    with written_whole(snakemake.output.variants) as draft:
        np.save(draft, np.concatenate(images))
