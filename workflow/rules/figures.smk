# Figures: two jobs, since starting costs more than drawing. They only read, so that a change of
# colour trains nothing.

results = [figure for figure in drawings.figures() if figure.category == "Results"]
images = [figure for figure in drawings.figures() if figure.category != "Results"]


rule draw_results:
    input:
        [figure.files() for figure in results],
    output:
        svg=[report(path, **filed) for path, filed in drawings.filed(results)],
        pdf=drawings.files("pdf", results),
        csv=drawings.files("csv", results),
    log:
        "<logs>/draw_results.log",
    benchmark:
        "<benchmarks>/draw_results.tsv"
    localrule: True
    params:
        figures=drawings.told(results),
        look=drawings.look(),
        code=study.code(*(f"figures.{figure.kind}" for figure in results), "figures.drawer"),
    script:
        "../scripts/draw_figures.py"


use rule draw_results as draw_images with:
    input:
        [figure.files() for figure in images],
    output:
        svg=[report(path, **filed) for path, filed in drawings.filed(images)],
        pdf=drawings.files("pdf", images),
        csv=drawings.files("csv", images),
    log:
        "<logs>/draw_images.log",
    benchmark:
        "<benchmarks>/draw_images.tsv"
    params:
        figures=drawings.told(images),
        look=drawings.look(),
        code=study.code(*(f"figures.{figure.kind}" for figure in images), "figures.drawer"),
