"""What every stage of a study costs against lesions, variants, arms, replicates and folds.

Run `python -m benchmarks.growth`: about ten minutes on one core. Each measurement is a process of
its own; what a stage is given is made before its clock starts.
"""

from collections.abc import Sequence
from math import log, prod
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import stages
from benchmarks.costs import Bench, Stage
from benchmarks.paired import markdown

LESIONS = (182, 1820, 18200)
FEWER = (182, 546, 1820)  # where more lesions take minutes, or are the same work again
ALL = sorted({*LESIONS, *FEWER})
SOME, VARIANTS = 546, (80, 240, 480)
NOTE = """A part is a third of the lesions; A, R, F, S count arms, replicates, folds, synthesizers.
The exponent k of cost = start + c x lesions^k is that between the two largest sizes, with the
smallest for the start; the last column goes on with it (seconds), or along the straight line
through the last two (memory, disk). The cohort is noise: one picture of 128 x 128 and one mask a
lesion, two lesions a patient. What only takes room (variants that are read, predictions, features)
is made up. One run each, in seconds of a core, since other work may run beside it."""
STAGES: list[tuple[str, str, Sequence[int], Stage, tuple]] = [
    ("lesion table, read and checked", "each start", LESIONS, stages.reading, ()),
    ("folds drawn, a replicate", "each start", LESIONS, stages.splitting, ()),
    ("pictures read and checked", "1", LESIONS, stages.checking, ()),
    ("`snakemake -n`, pictures checked before", "each start", LESIONS, stages.planning, ()),
    ("ROIs of a part", "R x F", ALL, stages.extracting, ()),
    ("variants of a part, 10 a lesion", "R x F", LESIONS, stages.varying, (10,)),
    ("training set, `classic: all` of 40", "A x R x F", FEWER, stages.assembling, (40, "all")),
    ("a network's predictions of a part", "A x R x F", LESIONS, stages.predicting, ()),
    ("all tables, A = 4, R = 2", "1", LESIONS, stages.comparing, (4, 2)),
    ("appraisal: a part's lesions described", "R x F", FEWER, stages.describing, ()),
    ("appraisal: a synthesizer in a fold", "S x R x F", LESIONS, stages.appraising, ()),
    ("t-SNE of so many lesions, 9 images each", "2", FEWER, stages.embedding, ()),
    ("neighbours of so many, 9 images each", "2", FEWER, stages.neighbouring, ()),
    ("figures with a mark a lesion", "1", LESIONS, stages.drawing, ()),
]


def law(sizes: Sequence[int], costs: Sequence[float]) -> tuple[float, float]:
    """Return k of cost = start + c x size^k, and what a million costs by it.

    The cost of the smallest size is the start: through what the last two cost beyond it goes the
    power law. Less than a twentieth more is no growth to tell.
    """
    least = costs[0] / 20
    one, other = (max(cost - costs[0], least) for cost in costs[-2:])
    reach = sizes[-1] - sizes[0]
    power = log(other / one) / log(reach / (sizes[-2] - sizes[0]))
    return power, costs[0] + other * ((1e6 - sizes[0]) / reach) ** power


def gigabytes(sizes: Sequence[int], costs: Sequence[float]) -> str:
    """Return in GB what a million takes on the straight line of MB through the last two sizes."""
    slope = (costs[-1] - costs[-2]) / (sizes[-1] - sizes[-2])
    return f"{(costs[-1] + max(slope, 0.0) * (1e6 - sizes[-1])) / 1000:.1f} GB"


def lesion_rows(bench: Bench) -> tuple[list[list[str]], ...]:
    """Return rows of seconds, memory and disk for every stage that depends on lesions."""
    times, sizes, files = [], [], []
    for name, jobs, lesions, stage, more in STAGES:
        found = [bench.cost(stage, number, *more) for number in lesions]
        took = [one.seconds for one in found]
        held = [one.other if stage is stages.planning else one.held for one in found]
        power, most = law(lesions, took)
        columns = placed(lesions, [f"{one:.2f}" for one in took])
        times.append([name, jobs, *columns, f"{power:.1f}", duration(most)])
        columns = placed(lesions, [f"{one:.0f}" for one in held])
        sizes.append([name, jobs, *columns, gigabytes(lesions, held)])
        if stage in (stages.extracting, stages.varying, stages.drawing):
            wrote = [one.other for one in found]
            columns = placed(lesions, [f"{one:.1f}" for one in wrote])
            files.append([name, jobs, *columns, gigabytes(lesions, wrote)])
    return times, sizes, files


def placed(lesions: Sequence[int], cells: Sequence[str]) -> list[str]:
    """Return cells under the columns of their lesions."""
    own = dict(zip(lesions, cells, strict=True))
    return [own.get(number, "") for number in ALL]


def duration(took: float) -> str:
    """Return seconds in the unit that they are read in."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if took >= 2 * length:
            return f"{took / length:.0f} {unit}"
    return f"{took:.1f} s"


def variant_rows(bench: Bench) -> list[list[object]]:
    """Return what a part's variants and a training set of some of them cost, by their number."""
    rows = []
    for variants in VARIANTS:
        made = bench.cost(stages.varying, SOME, variants)
        learnt = bench.cost(stages.assembling, SOME, variants, 600)
        memory = [f"{one:.0f}" for one in (made.other, made.resident, made.held, learnt.held)]
        rows.append([variants, f"{made.seconds:.1f}", *memory])
    return rows


def step_rows(bench: Bench) -> list[list[object]]:
    """Return what a step costs, whatever the number of images."""
    updates = 20
    works = [("classifier, update of 64", stages.training, n, updates) for n in (640, 6400, 64000)]
    works += [("DCGAN, update of 16", stages.synthesizing, n, n // 16) for n in (320, 640, 1280)]
    works += [("sample", stages.sampling, n, n) for n in (640, 6400)]
    rows = []
    for name, stage, images, steps in works:
        found = bench.cost(stage, images, *([updates] * (stage is stages.training)))
        each = 1000 * found.seconds / steps
        rows.append([name, f"{images:,}", f"{each:.1f}", f"{found.held:.0f}"])
    return rows


def table_rows(bench: Bench) -> list[list[object]]:
    """Return what all tables cost against arms and replicates."""
    rows = []
    for arms, replicates in ((4, 2), (8, 2), (16, 2), (4, 4), (4, 8)):
        found = bench.cost(stages.comparing, SOME, arms, replicates)
        rows.append([arms, replicates, f"{found.seconds:.1f}", f"{found.held:.0f}"])
    return rows


def graph_rows(bench: Bench) -> list[list[object]]:
    """Return what Snakemake's graph costs against arms, replicates and folds."""
    rows = []
    for design in ((4, 2, 3), (16, 2, 3), (4, 8, 3), (4, 2, 12), (16, 8, 12)):
        found = bench.cost(stages.graphing, LESIONS[0], *design)
        rows.append([*design, prod(design), f"{found.seconds:.1f}", f"{found.other:.0f}"])
    return rows


def text() -> str:
    """Return all tables as Markdown."""
    with TemporaryDirectory() as folder:
        for lesions in ALL:
            stages.draw_cohort(Path(folder), lesions)
        bench = Bench(Path(folder))
        times, sizes, files = lesion_rows(bench)
        variants, steps = variant_rows(bench), step_rows(bench)
        tables, graphs = table_rows(bench), graph_rows(bench)
    lesions = [f"{number:,}" for number in ALL]
    made = ["made, s", "on disk, MB", "with pages of files, MB", "held, MB", "training set, MB"]
    return "\n\n".join(
        [
            NOTE,
            "Seconds of a job against lesions:",
            markdown(["stage", "jobs", *lesions, "exponent", "10^6, a job"], times),
            "MB that a job holds beyond its imports (`snakemake -n`: in all):",
            markdown(["stage", "jobs", *lesions, "10^6, a job"], sizes),
            "MB that a job writes:",
            markdown(["stage", "jobs", *lesions, "10^6, a job"], files),
            f"A part of {SOME // 3} lesions; `classic: 600` from two such parts:",
            markdown(["variants a lesion", *made], variants),
            "A step does not depend on the number of images; memory does:",
            markdown(["step", "images", "ms", "held, MB"], steps),
            f"All tables of {SOME} lesions:",
            markdown(["arms", "replicates", "s", "held, MB"], tables),
            f"`snakemake -n` of {LESIONS[0]} lesions, a job a classifier, pictures checked too:",
            markdown(["arms", "replicates", "folds", "classifiers", "s", "MB"], graphs),
        ]
    )


if __name__ == "__main__":
    print(text())
