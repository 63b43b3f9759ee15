import logging
from types import SimpleNamespace

import pytest

from augtrial.pipeline import progress
from augtrial.pipeline.costs import JOB_SECONDS, Costs
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.plan import expected_seconds
from augtrial.pipeline.progress import EVERY, Progress
from augtrial.pipeline.study import Study


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    return clock


class Run:
    """A run of Snakemake as its log records tell it."""

    def __init__(self, clock, stats, expected, parallel=1):
        self.clock, self.progress = clock, Progress(expected, parallel)
        self.say(event="run_info", stats={**stats, "total": sum(stats.values())})

    def say(self, **values):
        self.progress.emit(logging.makeLogRecord(values))

    def job(self, number, rule, seconds):
        self.say(event="job_info", jobid=number, rule_name=rule)
        self.clock.now += seconds
        self.say(event="job_finished", job_id=number)


def test_the_time_left_comes_from_the_jobs_that_ended(clock):
    run = Run(clock, {"train_classifiers": 10, "all": 1}, {"train_classifiers": 100.0})
    assert run.progress.seconds_left() == 1000
    for number in range(4):
        run.job(number, "train_classifiers", 20)
    assert run.progress.seconds_left() == pytest.approx(6 * 20)


def test_rules_that_have_not_begun_are_estimated_by_how_the_plan_has_proved(clock):
    run = Run(
        clock,
        {"train_classifiers": 2, "train_synthesizer": 3},
        {"train_classifiers": 10, "train_synthesizer": 50},
    )
    run.job(1, "train_classifiers", 20)  # twice as long as planned
    assert run.progress.seconds_left() == pytest.approx(20 + 3 * 100)


def test_jobs_side_by_side_share_the_time_left(clock):
    run = Run(clock, {"train_classifiers": 10}, {"train_classifiers": 30.0}, parallel=2)
    run.say(event="job_info", jobid=1, rule_name="train_classifiers")
    clock.now += 10
    assert run.progress.seconds_left() == pytest.approx((300 - 10) / 2)


def test_a_line_names_the_stages_at_work_and_comes_now_and_then(clock, capsys):
    run = Run(
        clock,
        {"extract_rois": 2, "train_classifiers": 12, "compare_arms": 1},
        {"train_classifiers": 60},
    )
    run.job(1, "extract_rois", 2)
    assert capsys.readouterr().err == ""
    run.job(2, "extract_rois", 2)
    run.job(3, "train_classifiers", EVERY)
    run.job(4, "train_classifiers", 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "train_classifiers 1 of 12; 3 of 15 jobs; about 6 minutes left"


def test_the_plan_expects_something_of_every_rule_that_trains():
    study = Study.from_config(
        {
            "study": "s",
            "arms": {"none": {}, "gan": {"synthetic": {"dcgan": 10}}},
            "curves": {"classic": {"vary": "classic", "sizes": [0, 100]}},
            "contrasts": ["gan - none"],
        }
    )
    expected = expected_seconds(study, Machine(cores=2, gpus=0))
    costs = Costs(study)
    of_rules = {
        "train_synthesizer": costs.synthesizer_trainings("dcgan", 1),
        "train_second_synthesizer": costs.synthesizer_trainings("dcgan", 1),
        "train_classifiers": costs.network_trainings(1),
        "train_feature_classifier": [costs.feature_training()],
    }
    assert set(expected) == set(of_rules)
    for rule, trainings in of_rules.items():
        seconds = sum(training.seconds(Machine(cores=2, gpus=0)) for training in trainings)
        assert expected[rule] == pytest.approx(seconds + JOB_SECONDS)


def test_smaller_subsets_are_expected_to_take_less():
    arms = {"none": {}, "gan": {"synthetic": {"dcgan": 10}}}
    config = {"study": "s", "arms": arms, "contrasts": ["gan - none"]}
    whole, half, quarter = (
        expected_seconds(
            Study.from_config({**config, "subsets": {"fractions": fractions}}),
            Machine(cores=2, gpus=0),
        )
        for fractions in ([], [0.5], [0.25])
    )
    for rule in ("train_synthesizer", "train_classifiers"):
        assert quarter[rule] < half[rule] < whole[rule]  # in the mean of whole and subset
        assert quarter[rule] > whole[rule] / 2
