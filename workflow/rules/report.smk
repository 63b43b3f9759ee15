# The report: one offline page from the study's tables, figures and record.


rule write_report:
    input:
        record="<results>/study.json",
        endpoints="<results>/tables/endpoints.csv",
        contrasts="<results>/tables/contrasts.csv",
        verdicts="<results>/tables/verdicts.csv",
        secondary="<results>/tables/secondary.csv",
        sensitivity="<results>/tables/sensitivity.csv",
        fitness="<results>/tables/fitness.csv",
        fidelity_means="<results>/tables/fidelity_means.csv",
        figures=figure_specs.files("svg"),
    output:
        page=report(
            "<results>/report.html",
            category="Report",
            labels={"figure": "the whole study"},
        ),
    log:
        "<logs>/write_report.log",
    localrule: True
    params:
        note=study.settings.note,
        order=figure_specs.order(),
        captions=figure_specs.captions(f"{workflow.basedir}/workflow/report"),
        code=CodeParam("jobs.report"),
        template=figure_specs.page_source(),
    script:
        "../scripts/write_report.py"


# Redraws a finished study; the rules that compute are not even read (see the Snakefile).
rule figures:
    input:
        figure_specs.drawn(),
