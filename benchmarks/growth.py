"""Cost of every stage of a study by the number of lesions, variants, arms, replicates and folds.

`python -m benchmarks growth`: about ten minutes on one core. Each measurement is a process of
its own; what a stage is given is made before its clock starts.
"""

from collections.abc import Iterator, Sequence
from math import log, prod
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import stages
from benchmarks.costs import Bench, Stage
from benchmarks.paired import titled

LESIONS = (182, 1820, 18200)
FEWER = (182, 546, 1820)  # where more lesions take minutes, or are the same work again
ALL = sorted({*LESIONS, *FEWER})
SOME, VARIANTS = 546, (80, 240, 480)
STEPS, FEWER_STEPS = (640, 6400, 64000), (320, 640, 1280)  # images of a training
TABLES = ((4, 2), (8, 2), (16, 2), (4, 4), (4, 8))  # arms and replicates
DESIGNS = ((4, 2, 3), (16, 2, 3), (4, 8, 3), (4, 2, 12), (16, 8, 12))  # and folds
WRITE = (stages.extracting, stages.varying, stages.drawing)  # stages that tell how much

Table = tuple[str, list[str], list[list[object]]]  # a title, columns and rows
NOTE = """A part is a third of the lesions; A, R, F, S count arms, replicates, folds, synthesizers.
The exponent k of cost = start + c x lesions^k is that between the two largest sizes, with the
smallest for the start; the last column extrapolates with it (seconds), or with the straight line
through the last two sizes (memory, disk). The cohort is noise: one picture of 128 x 128 and one
mask per lesion, two lesions per patient. Data that are only read (variants, predictions, features)
are artificial. One run each, in seconds of a core, since other work may run at the same time."""
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
    first, last = (max(cost - costs[0], least) for cost in costs[-2:])
    reach = sizes[-1] - sizes[0]
    power = log(last / first) / log(reach / (sizes[-2] - sizes[0]))
    return power, costs[0] + last * ((1e6 - sizes[0]) / reach) ** power


def gigabytes(sizes: Sequence[int], costs: Sequence[float]) -> str:
    """Return in GB what a million takes on the straight line of MB through the last two sizes."""
    slope = (costs[-1] - costs[-2]) / (sizes[-1] - sizes[-2])
    return f"{(costs[-1] + max(slope, 0.0) * (1e6 - sizes[-1])) / 1000:.1f} GB"


def duration(took: float) -> str:
    """Return seconds in the unit that they are read in."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if took >= 2 * length:
            return f"{took / length:.0f} {unit}"
    return f"{took:.1f} s"


def lesion_tables(bench: Bench) -> Iterator[Table]:
    """Yield seconds, memory and disk of every stage that depends on lesions."""
    rows: list[list[list[str]]] = [[], [], []]
    for name, jobs, lesions, stage, more in STAGES:
        costs = [bench.cost(stage, number, *more) for number in lesions]
        took, wrote = [cost.seconds for cost in costs], [cost.result for cost in costs]
        held = wrote if stage is stages.planning else [cost.held for cost in costs]
        power, most = law(lesions, took)
        grows = [f"{power:.1f}", duration(most)]
        rows[0].append([name, jobs, *in_columns(lesions, took, 2), *grows])
        rows[1].append([name, jobs, *in_columns(lesions, held, 0), gigabytes(lesions, held)])
        if stage in WRITE:
            rows[2].append([name, jobs, *in_columns(lesions, wrote, 1), gigabytes(lesions, wrote)])
    columns, million = ["stage", "jobs", *(f"{number:,}" for number in ALL)], "10^6, a job"
    yield "Seconds of a job against lesions:", [*columns, "exponent", million], rows[0]
    title = "MB that a job holds beyond its imports (`snakemake -n`: in all):"
    yield title, [*columns, million], rows[1]
    yield "MB that a job writes:", [*columns, million], rows[2]


def in_columns(lesions: Sequence[int], values: Sequence[float], digits: int) -> list[str]:
    """Return values under the columns of their lesions."""
    cells = {n: f"{value:.{digits}f}" for n, value in zip(lesions, values, strict=True)}
    return [cells.get(number, "") for number in ALL]


def variant_table(bench: Bench) -> Table:
    """Return what a part's variants and a training set of some of them cost, by their number."""
    rows = []
    for variants in VARIANTS:
        made = bench.cost(stages.varying, SOME, variants)
        learnt = bench.cost(stages.assembling, SOME, variants, 600)
        memory = [f"{mb:.0f}" for mb in (made.result, made.resident, made.held, learnt.held)]
        rows.append([variants, f"{made.seconds:.1f}", *memory])
    title = f"A part of {SOME // 3} lesions; `classic: 600` from two such parts:"
    columns = ["variants a lesion", "made, s", "on disk, MB", "with pages of files, MB"]
    return title, [*columns, "held, MB", "training set, MB"], rows


def step_table(bench: Bench) -> Table:
    """Return what a step costs, whatever the number of images."""
    works = [("classifier, update of 64", stages.training, (n, 20), 20) for n in STEPS]
    works += [("DCGAN, update of 16", stages.synthesizing, (n,), n // 16) for n in FEWER_STEPS]
    works += [("sample", stages.sampling, (n,), n) for n in STEPS[:2]]
    rows = []
    for name, stage, arguments, steps in works:
        cost = bench.cost(stage, *arguments)
        each = f"{1000 * cost.seconds / steps:.1f}"
        rows.append([name, f"{arguments[0]:,}", each, f"{cost.held:.0f}"])
    title = "A step does not depend on the number of images; memory does:"
    return title, ["step", "images", "ms", "held, MB"], rows


def design_tables(bench: Bench) -> Iterator[Table]:
    """Yield what all tables, and Snakemake's graph, cost against the study's design."""
    rows = []
    for design in TABLES:
        cost = bench.cost(stages.comparing, SOME, *design)
        rows.append([*design, f"{cost.seconds:.1f}", f"{cost.held:.0f}"])
    yield f"All tables of {SOME} lesions:", ["arms", "replicates", "s", "held, MB"], rows
    rows = []
    for design in DESIGNS:
        cost = bench.cost(stages.graphing, LESIONS[0], *design)
        rows.append([*design, prod(design), f"{cost.seconds:.1f}", f"{cost.result:.0f}"])
    title = f"`snakemake -n` of {LESIONS[0]} lesions, pictures checked too:"
    yield title, ["arms", "replicates", "folds", "networks", "s", "MB"], rows


def text() -> str:
    with TemporaryDirectory() as folder:
        for lesions in ALL:
            stages.draw_cohort(Path(folder), lesions)
        bench = Bench(Path(folder))
        tables = [*lesion_tables(bench), variant_table(bench), step_table(bench)]
        tables += design_tables(bench)
    return f"{NOTE}\n\n{titled((title, table) for title, *table in tables)}"
