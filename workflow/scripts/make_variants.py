from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from augtrial import classic, seeds
    from augtrial.files import written_whole
    from augtrial.replicate import Replicate
    from augtrial.roi import read_contexts
    from augtrial.settings import ClassicSettings

    params, replicate = snakemake.params, Replicate.parse(snakemake.wildcards.replicate)
    settings = ClassicSettings(**params.classic)
    with np.load(snakemake.input.rois) as arrays:
        ids = arrays["lesion_id"].tolist()
    shape = (len(ids), settings.number, params.size, params.size)
    outputs = snakemake.output
    with (
        written_whole(outputs.variants) as draft,
        written_whole(outputs.table) as rows,
        rows.open("w", encoding="utf-8", newline="") as table,
    ):
        images = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
        contexts = read_contexts(snakemake.input.contexts)
        for index, (lesion, context) in enumerate(zip(ids, contexts, strict=True)):
            draw = seeds.generator(params.seed, "variants", replicate.number, lesion)
            variants = classic.sample_variants(context.diameter, settings, draw)
            images[index] = classic.apply_variants(context, variants, params.size)
            # Written lesion by lesion: the rows of all would take more memory than the images.
            own = pd.DataFrame(classic.variant_rows(context, variants, params.size))
            own.insert(0, "lesion_id", lesion)
            own.to_csv(table, index=False, header=not index)
        images.flush()
