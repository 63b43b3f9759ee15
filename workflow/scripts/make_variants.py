from augtrial.jobs import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from augtrial import classic, seeds
    from augtrial.files import write_table, written_whole
    from augtrial.replicate import Replicate
    from augtrial.roi import read_contexts
    from augtrial.settings import ClassicSettings

    params, replicate = snakemake.params, Replicate.parse(snakemake.wildcards.replicate)
    settings = ClassicSettings(**params.classic)
    with np.load(snakemake.input.rois) as arrays:
        ids = arrays["lesion_id"].tolist()
    shape = (len(ids), settings.number, params.size, params.size)
    rows = []
    with written_whole(snakemake.output.variants) as draft:
        images = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
        contexts = read_contexts(snakemake.input.contexts)
        for index, (lesion, context) in enumerate(zip(ids, contexts, strict=True)):
            draw = seeds.generator(params.seed, "variants", replicate.number, lesion)
            variants = classic.sample_variants(context.diameter, settings, draw)
            images[index] = classic.apply_variants(context, variants, params.size)
            table = classic.variant_rows(context, variants, params.size)
            rows += [{"lesion_id": lesion, **row} for row in table]
        images.flush()
    write_table(snakemake.output.table, pd.DataFrame(rows))
