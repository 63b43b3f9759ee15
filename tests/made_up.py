"""A small made-up study for the tests of figures and report: its tables, arrays and record."""

import numpy as np
import pandas as pd

from augtrial.config.load import read_settings, settings_model
from augtrial.core.registry import tasks
from augtrial.jobs.report import describe_synthesizers
from augtrial.reporting.figures.style import FigureStyle
from augtrial.reporting.report import page
from augtrial.statistics.comparison import classification_tables, compare
from augtrial.statistics.curves import curve_table, subset_tables, updates_table
from augtrial.statistics.fitness import fitness_table

PAPER_CLASSES = ("cyst", "metastasis", "hemangioma")
ARMS = ("none", "classic", "classic+dcgan")
CONTRASTS = ["classic+dcgan - classic", "classic - none"]


def predictions(*, classes=PAPER_CLASSES, arms=ARMS, replicates=2, patients=True, seed=0):
    """Return predictions of 8 lesions a class in 2 folds; later arms are right more often."""
    draw = np.random.default_rng(seed)
    rows = []
    for place, arm in enumerate(arms):
        for replicate in range(1, replicates + 1):
            for number in range(8 * len(classes)):
                truth = number % len(classes)
                scores = draw.random(len(classes)) + (0.4 + 0.1 * place) * (
                    np.arange(len(classes)) == truth
                )
                rows.append(
                    {
                        "lesion_id": f"l{number}",
                        "patient_id": f"p{number // 2}" if patients else "",
                        "fold": 1 + number // (2 * len(classes)) % 2,
                        "replicate": replicate,
                        "arm": arm,
                        "label": classes[truth],
                        "predicted": classes[int(scores.argmax())],
                        **dict(
                            zip((f"p_{c}" for c in classes), scores / scores.sum(), strict=True)
                        ),
                    }
                )
    return pd.DataFrame(rows)


def tables(contrasts=CONTRASTS, **kwargs):
    """Return the tables of a study by their names."""
    made = predictions(**kwargs)
    curve = pd.concat(
        predictions(**{**kwargs, "arms": ("x",)}, seed=size).assign(curve=curve, size=size)
        for curve, size in (("classic", 0), ("classic", 40), ("dcgan", 10), ("dcgan", 20))
    ).drop(columns="arm")
    means = fidelity_means(kwargs.get("classes", PAPER_CLASSES))
    subsets = predictions(**{**kwargs, "seed": 2}).assign(share=25)
    sizes = {share: {"training_lesions": share, "training_patients": share} for share in (25, 100)}
    return {
        **compare(made, contrasts),
        **classification_tables(made),
        **subset_tables(subsets, made, contrasts, sizes=sizes),
        "curve": curve_table(curve),
        "updates": updates_table(
            predictions(**{**kwargs, "seed": 1}).assign(updates=100), made, training(kwargs)
        ),
        "fidelity_means": means,
        "fitness": fitness(kwargs.get("classes", PAPER_CLASSES)),
    }


def training(kwargs):
    """Return after how many updates each arm ends; the last arm after more than the others."""
    arms = kwargs.get("arms", ARMS)
    rows = [(arm, 400 if arm == arms[-1] else 300) for arm in arms]
    return pd.DataFrame(rows, columns=["arm", "updates"])


def fitness(classes=PAPER_CLASSES):
    """Return the fitness of one synthesizer that covers too few lesions."""
    about = {"replicate": 1, "fold": 1, "synthesizer": "dcgan", "measure": "coverage"}
    about |= {"value": 0.05, "reference": 0.76, "samples": 200, "seen": 30, "unseen": 12}
    return fitness_table(pd.DataFrame([{**about, "class": label} for label in classes]))


def fidelity_means(classes=PAPER_CLASSES):
    """Return the means of two measures of one synthesizer, of which one looks for copies."""
    rows = [
        {
            **{"synthesizer": "dcgan", "class": label, "measure": measure, "value": 0.2},
            **{
                "sd": 0.05,
                "reference": 0.1,
                "significant": significant,
                "trainings": 4,
                "detectable": detectable,
                "replicates": 2,
            },
            **{"folds": 2, "synthetic": 10, "training": 20, "held_out": 10},
        }
        for label in classes
        for measure, significant, detectable in (
            ("KID (classifier features)", np.nan, np.nan),
            ("suspected copies", 1, 0.123),
        )
    ]
    return pd.DataFrame(rows)


def style(classes=PAPER_CLASSES, **kwargs):
    """Return the figures' style of the made-up study."""
    counterparts = {"classic": "classic", "classic+dcgan": "dcgan"}
    return FigureStyle(
        arms=list(ARMS), classes=list(classes), paper_counterpart=counterparts, **kwargs
    )


def write_page(made, results, figures=(), note=""):
    """Return the report of a record, with the descriptions of its networks."""
    settings = settings_model().model_validate(made["settings"])
    return page.write_page(
        made,
        results=results,
        figures=list(figures),
        synthesizers=describe_synthesizers(settings),
        classifier=tasks[settings.task].describe(settings.classifier),
        note=note,
    )


def rois(classes=PAPER_CLASSES, each=3, size=8):
    """Return ROIs of some lesions of every class as named arrays."""
    draw = np.random.default_rng(0)
    number = each * len(classes)
    return {
        "images": draw.integers(0, 256, (number, size, size)).astype(np.uint8),
        "lesion_id": np.array([f"lesion_number_{n}" for n in range(number)]),
        "label": np.array([classes[n % len(classes)] for n in range(number)]),
    }


def measured(arrays):
    """Return the rows of rois.csv that fit to these ROIs; one diameter in mm is not known."""
    number = len(arrays["lesion_id"])
    millimetres = np.linspace(10, 40, number)
    millimetres[0] = np.nan
    return pd.DataFrame(
        {
            "lesion_id": arrays["lesion_id"],
            "label": arrays["label"],
            "diameter_mm": millimetres,
            "diameter_px": np.linspace(12, 50, number),
        }
    )


def synthesizer_history(network="all", updates=5):
    """Return the history of one network's training as its file would be read."""
    rows = [
        {
            "network": network,
            "update": update,
            "loss_d": 1 / update,
            "loss_g": 2.0,
            "d_real": 0.6,
            "d_fake": 0.4,
            **({"class_real": 0.5, "class_fake": 0.5} if network == "all" else {}),
        }
        for update in range(1, updates + 1)
    ]
    return pd.DataFrame(rows)


def settings(**changes):
    """Return settings that fit to the made-up tables."""
    config = {
        "study": "made-up",
        "replicates": 2,
        "arms": {
            "none": {},
            "classic": {"classic": 40},
            "classic+dcgan": {"classic": 40, "synthetic": {"dcgan": 10}},
        },
        "curves": {
            "classic": {"vary": "classic", "sizes": [0, 40]},
            "dcgan": {"vary": "dcgan", "sizes": [10, 20], "classic": 40},
        },
        "contrasts": CONTRASTS,
    }
    return read_settings({**config, **changes})


def record(made=None, **changes):
    """Return the record of the made-up study, as study.json holds it."""
    made = made or settings()
    return {
        "study": "made-up",
        "settings": made.model_dump(mode="json", exclude={"figures", "note"}),
        "config_hash": "0123456789ab",
        "classes": dict.fromkeys(PAPER_CLASSES, 8),
        "lesions": 24,
        "patients": 12,
        "folds": [1, 2],
        "given_folds": False,
        "replicates": [1, 2],
        "conditional_on": "",
        "versions": {"augtrial": "0.1.0", "torch": "2.12.1"},
        "devices": {"CPU, float32": 12},
        **changes,
    }
