# Figures: one rule each. They only read, so that a change of colour trains nothing.


rule draw_contrasts:
    input:
        contrasts="<results>/tables/contrasts.csv",
    output:
        svg=report(
            "<results>/figures/contrasts.svg",
            caption="../report/contrasts.rst",
            category="Results",
            labels={"figure": "differences between arms"},
        ),
        pdf="<results>/figures/contrasts.pdf",
        csv="<results>/figures/contrasts.csv",
    log:
        "<logs>/draw_contrasts.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.contrasts"),
    script:
        "../scripts/draw_contrasts.py"


rule draw_endpoints:
    input:
        endpoints="<results>/tables/endpoints.csv",
    output:
        svg=report(
            "<results>/figures/endpoints.svg",
            caption="../report/endpoints.rst",
            category="Results",
            labels={"figure": "endpoints by arm"},
        ),
        pdf="<results>/figures/endpoints.pdf",
        csv="<results>/figures/endpoints.csv",
    log:
        "<logs>/draw_endpoints.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.endpoints"),
    script:
        "../scripts/draw_endpoints.py"


rule draw_confusion:
    input:
        confusion="<results>/tables/confusion.csv",
    output:
        svg=report(
            "<results>/figures/confusion.svg",
            caption="../report/confusion.rst",
            category="Results",
            labels={"figure": "confusion matrices"},
        ),
        pdf="<results>/figures/confusion.pdf",
        csv="<results>/figures/confusion.csv",
    log:
        "<logs>/draw_confusion.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.confusion"),
    script:
        "../scripts/draw_confusion.py"


rule draw_calibration:
    input:
        reliability="<results>/tables/reliability.csv",
        calibration="<results>/tables/calibration.csv",
    output:
        svg=report(
            "<results>/figures/calibration.svg",
            caption="../report/calibration.rst",
            category="Results",
            labels={"figure": "calibration"},
        ),
        pdf="<results>/figures/calibration.pdf",
        csv="<results>/figures/calibration.csv",
    log:
        "<logs>/draw_calibration.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.calibration"),
    script:
        "../scripts/draw_calibration.py"


rule draw_roc:
    input:
        roc="<results>/tables/roc.csv",
    output:
        svg=report(
            "<results>/figures/roc.svg",
            caption="../report/roc.rst",
            category="Results",
            labels={"figure": "ROC curves"},
        ),
        pdf="<results>/figures/roc.pdf",
        csv="<results>/figures/roc.csv",
    log:
        "<logs>/draw_roc.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.roc"),
    script:
        "../scripts/draw_roc.py"


rule draw_size_curve:
    input:
        curve="<results>/tables/curve.csv",
        endpoints="<results>/tables/endpoints.csv",
    output:
        svg=report(
            "<results>/figures/size_curve.svg",
            caption="../report/size_curve.rst",
            category="Results",
            labels={"figure": "accuracy against training-set size"},
        ),
        pdf="<results>/figures/size_curve.pdf",
        csv="<results>/figures/size_curve.csv",
    log:
        "<logs>/draw_size_curve.log",
    localrule: True
    params:
        look=drawings.look(),
        curves={name: curve.model_dump() for name, curve in study.settings.curves.items()},
        arms=drawings.plain_arms(),
        code=study.code("figures.size_curve"),
    script:
        "../scripts/draw_size_curve.py"


rule draw_updates:
    input:
        updates="<results>/tables/updates.csv",
    output:
        svg=report(
            "<results>/figures/updates.svg",
            caption="../report/updates.rst",
            category="Results",
            labels={"figure": "accuracy against updates"},
        ),
        pdf="<results>/figures/updates.pdf",
        csv="<results>/figures/updates.csv",
    log:
        "<logs>/draw_updates.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.updates"),
    script:
        "../scripts/draw_updates.py"


rule draw_subsets:
    input:
        subsets="<results>/tables/subsets.csv",
        contrasts="<results>/tables/subset_contrasts.csv",
    output:
        svg=report(
            "<results>/figures/subsets.svg",
            caption="../report/subsets.rst",
            category="Results",
            labels={"figure": "accuracy against patients"},
        ),
        pdf="<results>/figures/subsets.pdf",
        csv="<results>/figures/subsets.csv",
    log:
        "<logs>/draw_subsets.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.subsets"),
    script:
        "../scripts/draw_subsets.py"


rule draw_embedding:
    input:
        points="<results>/tables/embedding.csv",
        neighbours="<results>/tables/embedding_neighbours.csv",
    output:
        svg=report(
            "<results>/figures/embedding.svg",
            caption="../report/embedding.rst",
            category="Results",
            labels={"figure": "the classifier's last layer"},
        ),
        pdf="<results>/figures/embedding.pdf",
        csv="<results>/figures/embedding.csv",
    log:
        "<logs>/draw_embedding.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.embedding"),
    script:
        "../scripts/draw_embedding.py"


rule draw_contact_sheet:
    input:
        rois=[places.rois(1, part) for part in study.folds],
        table="<results>/rois.csv",
    output:
        svg=report(
            "<results>/figures/contact_sheet.svg",
            caption="../report/contact_sheet.rst",
            category="Images",
            labels={"figure": "lesions"},
        ),
        pdf="<results>/figures/contact_sheet.pdf",
        csv="<results>/figures/contact_sheet.csv",
    log:
        "<logs>/draw_contact_sheet.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.contact_sheet"),
    script:
        "../scripts/draw_contact_sheet.py"


rule draw_sample_grid:
    input:
        rois=places.training_rois(1, study.folds[0]),
        samples=lambda w: places.samples(1, study.folds[0], [w.synthesizer]),
    output:
        svg=report(
            "<results>/figures/samples_{synthesizer}.svg",
            caption="../report/samples.rst",
            category="Images",
            labels={"figure": "real against {synthesizer}"},
        ),
        pdf="<results>/figures/samples_{synthesizer}.pdf",
        csv="<results>/figures/samples_{synthesizer}.csv",
    log:
        "<logs>/draw_sample_grid.{synthesizer}.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.samples"),
    script:
        "../scripts/draw_sample_grid.py"


rule draw_progress:
    input:
        progress=lambda w: places.generators(1, study.folds[0], w.synthesizer, ".progress.npz"),
    output:
        svg=report(
            "<results>/figures/progress_{synthesizer}.svg",
            caption="../report/progress.rst",
            category="Images",
            labels={"figure": "{synthesizer} over the epochs"},
        ),
        pdf="<results>/figures/progress_{synthesizer}.pdf",
        csv="<results>/figures/progress_{synthesizer}.csv",
    log:
        "<logs>/draw_progress.{synthesizer}.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.progress"),
    script:
        "../scripts/draw_progress.py"


rule draw_losses:
    input:
        histories=lambda w: drawings.synthesizer_histories(w.synthesizer),
    output:
        svg=report(
            "<results>/figures/losses_{synthesizer}.svg",
            caption="../report/losses.rst",
            category="Training",
            labels={"figure": "losses of {synthesizer}"},
        ),
        pdf="<results>/figures/losses_{synthesizer}.pdf",
        csv="<results>/figures/losses_{synthesizer}.csv",
    log:
        "<logs>/draw_losses.{synthesizer}.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.losses"),
    script:
        "../scripts/draw_losses.py"


rule draw_training:
    input:
        histories=drawings.arm_histories(),
    output:
        svg=report(
            "<results>/figures/training.svg",
            caption="../report/training.rst",
            category="Training",
            labels={"figure": "losses of the classifiers"},
        ),
        pdf="<results>/figures/training.pdf",
        csv="<results>/figures/training.csv",
    log:
        "<logs>/draw_training.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.training"),
    script:
        "../scripts/draw_training.py"


rule draw_fidelity:
    input:
        means="<results>/tables/fidelity_means.csv",
    output:
        svg=report(
            "<results>/figures/fidelity.svg",
            caption="../report/fidelity.rst",
            category="Images",
            labels={"figure": "fidelity of the synthetic images"},
        ),
        pdf="<results>/figures/fidelity.pdf",
        csv="<results>/figures/fidelity.csv",
    log:
        "<logs>/draw_fidelity.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.fidelity"),
    script:
        "../scripts/draw_fidelity.py"


rule draw_pairs:
    input:
        pairs="<results>/replicate1/fidelity.npz",
    output:
        svg=report(
            "<results>/figures/pairs_{synthesizer}.svg",
            caption="../report/pairs.rst",
            category="Images",
            labels={"figure": "closest pairs of {synthesizer}"},
        ),
        pdf="<results>/figures/pairs_{synthesizer}.pdf",
        csv="<results>/figures/pairs_{synthesizer}.csv",
    log:
        "<logs>/draw_pairs.{synthesizer}.log",
    localrule: True
    params:
        look=drawings.look(),
        code=study.code("figures.pairs"),
    script:
        "../scripts/draw_pairs.py"
