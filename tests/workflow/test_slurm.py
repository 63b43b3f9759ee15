"""The study on a real SLURM: one machine, the real daemons, a node with two GPUs that are made up.

`make test-slurm` installs and starts it and runs these; `make test` leaves them out.
"""

import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
import yaml

from augtrial.pipeline.costs import CUDA, LEAST_MINUTES
from workflow_runs import ROOT, Run, make_cohort

pytestmark = pytest.mark.slurm

PROFILE = "profiles/slurm"
# The test cluster has no accounting database, and its jobs take seconds.
OPTIONS = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "4")
TRAINING = {"train_synthesizer", "train_classifiers"}
MINUTES = 30


def tell(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@dataclass(frozen=True)
class Training:
    """A process that trains a network in a job of SLURM, and the devices that it may see."""

    pid: int
    job: str
    devices: str


def trainings() -> list[Training]:
    """Return the trainings that run at this moment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            lines = (folder / "environ").read_text().split("\0")
        except (OSError, UnicodeDecodeError):  # it has ended, or it is another user's
            continue
        if any(re.search(r"\.train_\w+\.py$", word) for word in words):
            values = dict(line.split("=", 1) for line in lines if "=" in line)
            if job := values.get("SLURM_JOB_ID"):
                devices = values.get("CUDA_VISIBLE_DEVICES", "")
                found.append(Training(int(folder.name), job, devices))
    return found


@dataclass
class Story:
    """A call of Snakemake on the cluster, and what was seen of it."""

    run: Run
    seen: list[dict[str, str]] = field(default_factory=list)  # job -> devices, at each look
    stopped: dict[str, str] = field(default_factory=dict)  # how -> job

    def live(self, look: Callable[[], object]) -> int:
        """Call Snakemake, look on twice a second, and return its status; True interrupts it."""
        # Whoever runs the tests in the background has them ignore Ctrl-C; Snakemake is to hear it.
        command = [
            "env",
            "--default-signal=INT",
            *self.run.command("--workflow-profile", PROFILE, *OPTIONS),
        ]
        deadline = time.monotonic() + 60 * MINUTES
        with self.output.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.run.environment, stdout=output, stderr=output
            )
        try:
            while process.poll() is None and not look():
                assert time.monotonic() < deadline, self.text[-4000:]
                time.sleep(0.5)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        return process.returncode

    @property
    def output(self) -> Path:
        """The file of what Snakemake says."""
        return self.run.folder / "output.txt"

    @property
    def text(self) -> str:
        """What Snakemake has said."""
        return self.output.read_text(encoding="utf-8")

    @property
    def jobs(self) -> pd.DataFrame:
        """What SLURM itself knows of the jobs of this call, by job; the earliest first."""
        columns = ["JobID", "State", "TimeLimit", "MinMemory", "cpus-per-task", "tres-per-job"]
        wanted = ",".join(f"{name}:|" for name in [*columns, "Comment"])
        call = re.search(r"SLURM run ID: (\S+)", self.text)
        if call is None:
            return pd.DataFrame(columns=columns)
        rows = tell("squeue", "--states=all", "--noheader", f"--Format={wanted}", "--name", call[1])
        table = pd.read_csv(
            io.StringIO(rows), sep="|", names=[*columns, "place"], usecols=range(7), dtype=str
        )
        table["rule"] = table["place"].str.extract(r"rule_(\w+?)(?:_wildcards_|$)")
        return table.sort_values("JobID", key=pd.to_numeric).set_index("JobID")


def to_minutes(limit: str) -> int:
    """Return a time limit as SLURM writes it, [hours:]minutes:seconds, in minutes."""
    *hours, minutes, _ = map(int, limit.split(":"))
    return 60 * sum(hours) + minutes


def tiny_study(folder: Path) -> Run:
    run = Run(folder, make_cohort(folder / "cohort", folds=2, a_class=3))
    run.change(
        synthesizers__acgan=None,
        arms={"none": {}, "classic+dcgan": {"classic": 16, "synthetic": {"dcgan": 10}}},
        curves=None,
        contrasts=["classic+dcgan - none"],
        classifier__eval_updates=None,
    )
    return run


@pytest.fixture(scope="module", autouse=True)
def cluster():
    assert tell("sinfo", "--noheader", "--format=%T").strip() == "idle", "run make test-slurm"


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A study from its first job to its last, two of whose trainings are stopped on their way."""
    story = Story(tiny_study(tmp_path_factory.mktemp("study")))

    def look() -> None:
        now = trainings()
        story.seen.append({training.job: training.devices for training in now})
        if not story.stopped and len(now) == 2:
            one, other = now
            tell("scancel", one.job)
            os.kill(other.pid, signal.SIGKILL)
            story.stopped.update(cancelled=one.job, killed=other.job)

    assert story.live(look) == 0, story.text[-4000:]
    return story


@pytest.fixture(scope="module")
def jobs(story):
    """The jobs of that study, once all have ended."""
    return story.jobs


def test_the_study_ends_with_its_report_and_every_lesion_predicted(story):
    predictions = pd.read_csv(story.run.results / "predictions.csv")
    for _, rows in predictions.groupby("arm"):
        assert sorted(rows["lesion_id"]) == [f"L{number:02d}" for number in range(1, 19)]
    assert set(predictions["arm"]) == {"none", "classic+dcgan"}
    assert (story.run.results / "report.html").exists()


def test_every_job_completes_in_the_end(jobs):
    assert set(jobs["rule"]) >= {"extract_rois", "make_variants", "compare_arms", *TRAINING}
    assert set(jobs.groupby("place")["State"].last()) == {"COMPLETED"}


def test_jobs_of_seconds_do_not_go_to_the_cluster(story, jobs):
    assert "localrule gather_predictions" in story.text
    assert not [rule for rule in jobs["rule"] if rule.startswith(("gather_", "write_"))]


@pytest.mark.parametrize(("how", "state"), [("cancelled", "CANCELLED"), ("killed", "FAILED")])
def test_a_training_that_was_stopped_is_tried_again_with_more_memory(story, jobs, how, state):
    attempts = jobs[jobs["place"] == jobs.loc[story.stopped[how], "place"]]
    assert list(attempts["State"]) == [state, "COMPLETED"]
    assert attempts.index[0] == story.stopped[how]
    first, second = (int(memory.removesuffix("M")) for memory in attempts["MinMemory"])
    assert second == 2 * first > CUDA


def test_trainings_at_once_each_have_a_gpu_of_their_own(story, jobs):
    assert max(map(len, story.seen)) == 2
    assert all(sorted(now.values()) == ["0", "1"] for now in story.seen if len(now) == 2)
    assert {job for now in story.seen for job in now} == set(
        jobs.index[jobs["rule"].isin(TRAINING)]
    )


def test_jobs_ask_for_what_the_settings_and_the_profile_say(jobs):
    profile = yaml.safe_load((ROOT / PROFILE / "profile.yaml").read_text(encoding="utf-8"))
    attempts = jobs.groupby("place").cumcount() + 1
    for job, attempt in zip(jobs.itertuples(), attempts, strict=True):
        minutes = profile["default-resources"]["runtime"]
        if job.rule in TRAINING:
            minutes = LEAST_MINUTES * attempt
        assert to_minutes(job.TimeLimit) == minutes
    # As many as networks train at the same time: two arms, or a DCGAN of each of three classes.
    cores = jobs.groupby("rule")["cpus-per-task"].unique().map(list).to_dict()
    assert cores.pop("train_classifiers") == ["2"]
    assert cores.pop("train_synthesizer") == ["3"]
    assert all(number == ["1"] for number in cores.values())
    assert set(jobs.loc[jobs["tres-per-job"] == "gres:gpu:1", "rule"]) == TRAINING


def test_an_interrupted_study_leaves_no_job_behind_and_nothing_locked(tmp_path):
    story = Story(tiny_study(tmp_path))
    assert story.live(lambda: "RUNNING" in set(story.jobs["State"])) != 0
    assert set(story.jobs["State"]) == {"CANCELLED"}
    assert "extract_rois" in story.run.planned()
