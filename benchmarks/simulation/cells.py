"""The cells of the simulation: designs like the built-in cohort's, and those found hard."""

from dataclasses import dataclass

from benchmarks.simulation.components import EFFECTS, mean_effects
from benchmarks.simulation.models import CrossValidated, Probit

MARGIN = 0.03
NOTHING = dict.fromkeys(EFFECTS, 0.0)
RARE = (0.8, 0.15, 0.05)
FAMILY = "three contrasts"


@dataclass(frozen=True)
class Cell:
    """A design and its model; `note` says what is hard about it."""

    name: str
    model: Probit | CrossValidated
    note: str = ""


def cells() -> list[Cell]:
    """Return all cells, the quick ones first."""
    real = mean_effects()

    def probit(lesions: int, better: float = 0.0, base: float = 0.75, **options) -> Probit:
        classes = len(options.get("share", (1, 1, 1)))
        levels = tuple((level,) * classes for level in (base + better, base))
        return Probit(lesions, levels, options.pop("effects", real), **options)

    def scaled(factor: float) -> dict[str, float]:
        return {name: factor * value for name, value in real.items()}

    def nested(what: str, lesions: int, noise: float = 0.0) -> Probit:
        # One arm's errors are the other's and some more, the same ones in every replicate.
        better, effects = MARGIN / (1 - 2 * noise), {**NOTHING, what: 400.0}
        return probit(lesions, better, 0.95, effects=effects, flipped=noise)

    found = []
    for lesions in (60, 182, 1000):
        for better in (0.0, 0.05):
            found.append(
                Cell(f"{lesions} lesions, {100 * better:g} points", probit(lesions, better))
            )
    for factor in (0.5, 2.0):
        found.append(Cell(f"components x {factor:g}", probit(182, effects=scaled(factor))))
    for lesions in (60, 182, 500):
        rare = probit(lesions, share=RARE)
        found.append(Cell(f"{lesions} lesions, 80/15/5 %", rare, "a rare class"))
    for lesions in (60, 182):
        found.append(Cell(f"{lesions} lesions, near ceiling", probit(lesions, base=0.97)))
    for lesions in (182, 500, 1000):
        at = probit(lesions, MARGIN)
        found.append(Cell(f"{lesions} lesions, at the margin", at, "truth = margin"))
    for what in ("lesion", "patient"):
        for lesions in (182, 500):
            name = f"{lesions} lesions, nested errors by {what}"
            found.append(Cell(name, nested(what, lesions), "truth = margin, near ceiling"))
    for lesions, noise in ((60, 0.005), (182, 0.01)):
        name = f"{lesions} lesions, nested errors and noise"
        note = f"truth = margin, {100 * noise:g} % of the answers turned round"
        found.append(Cell(name, nested("lesion", lesions, noise), note))
    for classes in (2, 7):
        share = (1 / classes,) * classes
        found.append(Cell(f"{classes} classes", probit(182, share=share)))
    found.append(Cell("two folds", probit(182, folds=2)))
    found.append(Cell("two folds, 60 lesions", probit(60, folds=2)))
    found.append(Cell("no patient has two lesions", probit(182, patients=1.0)))
    found.append(Cell("collapsed networks", probit(182, collapsed=0.05)))
    given = {"given_folds": True, "fold_arm": 0.15}
    found.append(Cell("given folds", probit(182, **given), "a persistent fold x arm effect"))
    found.append(Cell("given folds, 500 lesions", probit(500, **given)))
    family = Probit(182, ((0.75,) * 3,) * 4, real)
    found.append(Cell(FAMILY, family, "four arms, all equal"))
    for lesions in (60, 182):
        found.append(Cell(f"cross-validated, {lesions} lesions", CrossValidated(lesions)))
    worse = CrossValidated(182, noise=(0.0, 0.8))
    found.append(Cell("cross-validated, a worse arm", worse))
    found.append(Cell("cross-validated, 80/15/5 %", CrossValidated(182, share=RARE)))
    return found
