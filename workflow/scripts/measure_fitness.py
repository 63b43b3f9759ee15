from augtrial.pipeline.script_context import arguments, job

with job(snakemake):
    from augtrial.jobs.fitness import measure_fitness

    measure_fitness(**arguments(snakemake), replicate=snakemake.wildcards.replicate)
