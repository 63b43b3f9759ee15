"""Does the search for copies keep its word? Synthesizers whose truth is known, on phantom lesions.

docs/fidelity.md has the commands and the tables. Metastases of the phantom, two thirds of them in
training, are known by their ROI and eight variants each. An honest synthesizer draws new lesions, a
collapsed one draws images of a few again and again, one that copies draws other variants of
training lesions among new ones.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

import numpy as np
import pandas as pd

from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.fidelity.appraisal import MAX_VARIANTS, SIGNIFICANCE_LEVEL
from augtrial.fidelity.memorisation import (
    PERMUTATIONS,
    detectable,
    exchangeability_p,
    memorisation,
    polar_descriptor,
)
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants
from augtrial.imaging.roi import extract_context, extract_roi
from benchmarks.paired import markdown

SIDE, SAMPLES, LESIONS = 64, 200, 800
ROI = RoiSettings(size=SIDE)
CLASSIC = ClassicSettings(n_rotations=4, n_flips=1, n_translations=1, n_scales=1)
KNOWN = 1 + MAX_VARIANTS  # of a lesion's images; synthesizers draw others
COHORTS = (30, 63, 150, 450)
FOLDS, REPLICATES, CLASSES = 3, 6, 3  # of a whole study: 54 trainings

Lesions = np.ndarray  # descriptors [lesions, images, d]
Draw = Callable[[np.random.Generator, Lesions, Lesions], np.ndarray]


@cache
def all_lesions() -> Lesions:
    rows = []
    lesions = draw_lesions(seed=0, stream="copies", classes={"metastasis": LESIONS})
    for number, lesion in enumerate(lesions):
        context = extract_context(lesion, ROI, CLASSIC)
        chosen = sample_variants(context.diameter, CLASSIC, seeds.generator(0, "copies", number))
        images = [extract_roi(context, SIDE), *apply_variants(context, chosen, SIDE)]
        rows.append(polar_descriptor(np.stack(images)))
    return np.stack(rows)


def collapsed(
    generator: np.random.Generator, training: Lesions, others: Lesions, lesions: int, variants: bool
) -> np.ndarray:
    """Draw images of a few new lesions, each always the same one or any other variant of it."""
    images = generator.integers(KNOWN, others.shape[1], SAMPLES) if variants else 0
    return others[generator.integers(lesions, size=SAMPLES), images]


def copying(
    generator: np.random.Generator, training: Lesions, others: Lesions, share: float
) -> np.ndarray:
    """Draw new lesions, and with a probability a variant of a training lesion instead."""
    copies = generator.random(SAMPLES) < share
    lesions = generator.integers(len(training), size=SAMPLES)
    variants = generator.integers(KNOWN, training.shape[1], SAMPLES)
    return np.where(copies[:, None], training[lesions, variants], others[:SAMPLES, 0])


DRAWS: dict[str, Draw] = {
    "new lesions": partial(copying, share=0.0),
    **{f"images of {n}": partial(collapsed, lesions=n, variants=False) for n in (1, 5, 20)},
    **{f"variants of {n}": partial(collapsed, lesions=n, variants=True) for n in (5, 20)},
    **{f"copies: {share:.0%}": partial(copying, share=share) for share in (0.05, 0.1, 0.2)},
}
WHOLE = ("new lesions", "variants of 5", "copies: 10%", "copies: 20%")
TESTS = ("independent", "suspected", "closer")


def p_values(
    generator: np.random.Generator,
    training: Lesions,
    held_out: Lesions,
    samples: np.ndarray,
    permutations: int,
) -> dict[str, float]:
    """Return the p value if all samples and lesions were independent, those shipped, detectable."""
    known = training[:, :KNOWN], held_out[:, :KNOWN]
    found = memorisation(samples, *known, generator, permutations)
    suspects = round(found.suspects * SAMPLES)
    basis = found.distinct, found.references, len(training), found.recognised
    return {
        "independent": float(exchangeability_p(suspects, SAMPLES, len(training) + len(held_out))),
        **{"suspected": found.suspects_p, "closer": found.closer_p},
        "detectable": detectable(*basis, SIGNIFICANCE_LEVEL),
    }


def trainings(task: tuple[str, Draw, int, int]) -> dict[str, float]:
    """Return in which share of trainings each test finds copies, and the median of detectable."""
    name, draw, number, studies = task
    rows = []
    for study in range(studies):
        generator = seeds.generator(0, "trainings", name, number, study)
        lesions = generator.permutation(all_lesions())
        training, held_out = np.split(lesions[:number], [2 * number // 3])
        samples = draw(generator, training, lesions[number:])
        rows.append(p_values(generator, training, held_out, samples, 999))
    table = pd.DataFrame(rows)
    found = (table.drop(columns="detectable") < SIGNIFICANCE_LEVEL).mean()
    print(name, number, found.to_dict(), file=sys.stderr, flush=True)
    return {**found, "detectable": table["detectable"].median()}


def whole_studies(task: tuple[str, Draw, int, int]) -> dict[str, float]:
    """Return in which share of studies any of 54 trainings shows copies, before and after Holm."""
    name, draw, number, studies = task
    tables = []
    for study in range(studies):
        generator = seeds.generator(0, "studies", name, number, study)
        table = pd.DataFrame(of_study(generator, draw, number))
        before = table[["independent", "closer"]].min(axis=None)
        shipped = table[["suspected", "closer"]]
        tables.append({"before": before, "after": shipped.size * shipped.min(axis=None)})
    return dict((pd.DataFrame(tables) < SIGNIFICANCE_LEVEL).mean())


def of_study(generator: np.random.Generator, draw: Draw, number: int) -> Iterator[dict[str, float]]:
    """Yield the p values of each training: a class has its lesions, a replicate its folds."""
    for _ in range(CLASSES):
        lesions = generator.permutation(all_lesions())
        for _ in range(REPLICATES):
            parts = np.array_split(generator.permutation(lesions[:number]), FOLDS)
            for fold in range(FOLDS):
                training = np.concatenate(parts[:fold] + parts[fold + 1 :])
                others = lesions[number + generator.permutation(LESIONS - number)[:SAMPLES]]
                samples = draw(generator, training, others)
                yield p_values(generator, training, parts[fold], samples, PERMUTATIONS)


def table(studies: int, run: Callable[..., Iterable[dict[str, float]]]) -> str:
    """Return in how many trainings copies are found, by lesions, in percent."""
    tasks = [(name, draw, n, studies) for name, draw in DRAWS.items() for n in COHORTS]
    found = list(run(trainings, tasks))
    shares = [row["detectable"] for row in found[: len(COHORTS)]]  # of new lesions
    least = [partial(copying, share=share) for share in shares]
    tasks += [("detectable", draw, n, studies) for draw, n in zip(least, COHORTS, strict=True)]
    found += run(trainings, tasks[-len(COHORTS) :])
    rows: dict[str, list[str]] = {}
    for (name, *_), row in zip(tasks, found, strict=True):
        rows.setdefault(name, []).append(" / ".join(f"{100 * row[test]:.1f}" for test in TESTS))
    rows["detectable from"] = [f"{100 * share:.1f}" for share in shares]
    columns = ["images drawn", *(f"{n} lesions" for n in COHORTS)]
    return markdown(columns, ([name, *cells] for name, cells in rows.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    all_lesions()
    with multiprocessing.get_context("fork").Pool(chosen.jobs) as pool:
        run = partial(pool.map, chunksize=1)
        print(table(chosen.trainings, run), flush=True)
        tasks = [(name, DRAWS[name], 63, chosen.studies) for name in WHOLE]
        rows = zip(WHOLE, run(whole_studies, tasks), strict=True)
        cells = ([name, *(f"{100 * x:.0f}" for x in row.values())] for name, row in rows)
        print(f"\n{markdown(['images drawn', 'before', 'after'], cells)}")


if __name__ == "__main__":
    main()
