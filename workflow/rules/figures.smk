# Figures: two jobs, since starting costs more than drawing. They only read, so that a change of
# colour trains nothing.

results = [figure for figure in figure_specs.figures() if figure.category == "Results"]
images = [figure for figure in figure_specs.figures() if figure.category != "Results"]


rule draw_results:
    input:
        [figure.files() for figure in results],
    output:
        svg=[report(path, **filed) for path, filed in figure_specs.filed(results)],
        pdf=figure_specs.files("pdf", results),
        csv=figure_specs.files("csv", results),
    log:
        "<logs>/draw_results.log",
    benchmark:
        "<benchmarks>/draw_results.tsv"
    localrule: True
    params:
        figures=figure_specs.metadata(results),
        style=figure_specs.style(),
        code=CodeParam(*(f"reporting.figures.{figure.kind}" for figure in results), "jobs.figures"),
    script:
        "../scripts/draw_figures.py"


use rule draw_results as draw_images with:
    input:
        [figure.files() for figure in images],
    output:
        svg=[report(path, **filed) for path, filed in figure_specs.filed(images)],
        pdf=figure_specs.files("pdf", images),
        csv=figure_specs.files("csv", images),
    log:
        "<logs>/draw_images.log",
    benchmark:
        "<benchmarks>/draw_images.tsv"
    params:
        figures=figure_specs.metadata(images),
        style=figure_specs.style(),
        code=CodeParam(*(f"reporting.figures.{figure.kind}" for figure in images), "jobs.figures"),
