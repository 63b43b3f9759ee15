from augtrial.jobs import job

with job(snakemake):
    from pathlib import Path

    from augtrial.cohort.phantom import write_cohort

    write_cohort(Path(snakemake.output.table).parent, **snakemake.params.phantom)
