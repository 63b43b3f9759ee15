from augtrial.jobs import job

with job(snakemake):
    from pathlib import Path

    from augtrial.cohort.phantom import write_cohort

    folder = Path(snakemake.output.table).parent
    write_cohort(folder, **snakemake.params.phantom, processes=snakemake.threads)
