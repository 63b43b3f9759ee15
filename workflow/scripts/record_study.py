from augtrial.jobs import job

with job(snakemake):
    from augtrial.files import write_json
    from augtrial.record import devices, versions

    facts = dict(snakemake.params.facts)
    facts |= {"versions": versions(), "devices": devices(snakemake.input)}
    write_json(snakemake.output.record, facts)
