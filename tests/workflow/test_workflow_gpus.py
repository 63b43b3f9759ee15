"""`--resources gpu=2` gives two GPUs work, on a package for which the CPU stands for both."""

import json
import shutil
from collections import Counter

import pytest

from workflow_runs import ROOT, Run, make_cohort

# What is added to modules of a copy of the package: two GPUs, each the CPU under another name. A
# job notes when it takes its GPU and when it gives it back. The first two wait for each other.
DEVICE = """

import time

NOTES = Path(os.environ["TMPDIR"])
is_available = torch.cuda.is_available
torch.cuda.device_count = lambda: 2
torch.cuda.set_device = lambda device: None
torch.cuda.is_bf16_supported = lambda **options: False
on_gpu = training_device


@dataclass(frozen=True)
class FakeGpu(Device):
    index: int = 0
    is_gpu = True

    @property
    def name(self):
        return f"GPU {self.index}, float32"


@contextmanager
def training_device(*args, **options):
    torch.cuda.is_available = lambda: True
    with on_gpu(*args, **options) as device:
        torch.cuda.is_available = is_available  # PyTorch itself must not believe it
        fake = FakeGpu(torch.device("cpu"), False, device.torch.index)
        begin, deadline = time.time(), time.monotonic() + 100
        (NOTES / f"gpu{fake.index}").touch()
        while len(list(NOTES.glob("gpu?"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield fake
        note = f"{fake.index} {begin} {time.time()}\\n"
        (NOTES / f"{os.getpid()}.job").write_text(note)
"""
ENGINE = """

class Gpu:
    def __init__(self, device, streams):
        self.device = device
        with open(f"{os.environ['TMPDIR']}/{os.getpid()}.streams", "a") as file:
            file.write(f"{streams}\\n")

    def branch(self, works):
        for work in works:
            work()

    def capture(self, work):
        return work

    def carry(self, rows, place):
        place[: len(rows)] = torch.stack(list(rows))

    def wait(self):
        pass
"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def run(tmp_path_factory, notes):
    """The trainings of a tiny study on four cores and two GPUs."""
    folder = tmp_path_factory.mktemp("gpus")
    package = shutil.copytree(ROOT / "src", folder / "src")
    for name, text in (("device", DEVICE), ("engine", ENGINE)):
        with (package / f"augtrial/training/{name}.py").open("a", encoding="utf-8") as file:
            file.write(text)
    run = Run(folder, make_cohort(folder / "cohort", folds=2), package=package)
    targets = [
        f"results/tiny/replicate1/fold{fold}/{name}.pt"
        for fold in (1, 2)
        for name in ("dcgan/networks", "acgan/networks", "classifiers")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(notes))
        run.call(*targets, "--resources", "gpu=2", cores=4)
    return run


def test_two_gpus_have_work_and_each_one_job_at_a_time(run, notes):
    jobs = [tuple(map(float, path.read_text().split())) for path in notes.glob("*.job")]
    assert len(jobs) == 2 * 3
    assert {gpu for gpu, *_ in jobs} == {0, 1}
    for number, (gpu, begin, end) in enumerate(jobs):
        beside = [
            other for other, b, e in jobs[:number] + jobs[number + 1 :] if b < end and begin < e
        ]
        assert gpu not in beside
    assert any(b < end and begin < e for g, begin, end in jobs for h, b, e in jobs if g != h)


def test_the_networks_of_a_job_train_side_by_side(run, notes):
    """Those of a DCGAN's classes, the one of an ACGAN, and all classifiers of a fold."""
    at_once = Counter(max(map(int, path.read_text().split())) for path in notes.glob("*.streams"))
    assert at_once == {3: 2, 1: 2, 5 + 2: 2}


def test_records_say_on_which_gpu_a_job_trained(run):
    records = [
        *run.results.glob("replicate1/fold?/*/networks.json"),
        *run.results.glob("replicate1/fold?/classifiers.json"),
    ]
    devices = {json.loads(path.read_text(encoding="utf-8"))["device"] for path in records}
    assert len(records) == 2 * 3
    assert devices == {"GPU 0, float32", "GPU 1, float32"}
