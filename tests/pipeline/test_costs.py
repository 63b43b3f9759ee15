"""What a study's trainings and jobs cost: work, memory, run time, and how cores are shared."""

import heapq

import pytest
import yaml

from augtrial.pipeline.costs import CUDA, LEAST_MINUTES, Costs, makespan
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.study import Study
from workflow_runs import ROOT

ARMS = {
    "none": {},
    "classic": {"classic": 5000},
    "gan": {"classic": 5000, "synthetic": {"dcgan": 1000}},
}
CURVES = {"classic": {"vary": "classic", "sizes": [0, 20000]}}

HALF = ("1", "1-share50")


def study(*arms, **changes) -> Study:
    """Return a study of some arms, or of all and a curve."""
    config = {"study": "s", "arms": ARMS, "curves": CURVES, "contrasts": ["gan - classic"]}
    if arms:
        chosen = {name: ARMS[name] for name in arms}
        config |= {"arms": chosen, "curves": {}, "contrasts": []}
    return Study.from_config({**config, **changes})


# Work --------------------------------------------------------------------------------------


def test_a_study_trains_each_network_of_each_fold_and_replicate():
    costs = Costs(study(replicates=2, subsets={"fractions": [0.5]}))
    names = [training.name for training in costs.all_network_trainings()]
    folds, replicates, classes = 3, 2, 3
    assert names.count("none") == folds * replicates
    assert names.count("gan") == names.count("classic") == 2 * folds * replicates  # a subset too
    assert names.count("classic:0") == names.count("classic:20000") == folds * replicates
    synthesizers = [training.name for training in costs.all_synthesizer_trainings()]
    assert synthesizers == ["dcgan"] * (2 * folds * replicates * classes)


def test_a_shared_synthesizer_is_counted_once_a_fold():
    shared = Costs(study("gan", share_synthesizer=True, replicates=4))
    assert len(list(shared.all_synthesizer_trainings())) == 3 * 3  # folds, classes
    assert len(list(shared.all_network_trainings())) == 3 * 4  # folds, replicates


def test_a_training_of_a_subset_has_its_share_of_the_images():
    costs = Costs(study(subsets={"fractions": [0.5]}))
    pairs = zip(*(costs.synthesizer_trainings("dcgan", which) for which in HALF), strict=True)
    arms = [costs.network_trainings(which) for which in HALF]
    named = [{training.name: training for training in found} for found in arms]
    for whole, half in [*pairs, tuple(found["gan"] for found in named)]:
        assert half.images == pytest.approx(whole.images / 2, rel=0.01)
        assert half.multiply_adds == whole.multiply_adds  # of an update
        assert half.updates < whole.updates


def test_a_training_takes_longer_on_a_slower_machine():
    (training,) = Costs(study("none")).network_trainings(1)
    cpu, gpu = (training.seconds(machine) for machine in (Machine(2, 0), Machine(2, 1, "A GPU")))
    assert cpu == pytest.approx(training.updates * training.multiply_adds / 15e9)
    assert gpu < cpu


# Memory ------------------------------------------------------------------------------------


def networks_mb(*arms, workers=1, **changes) -> int:
    return Costs(study(*arms, **changes)).networks_mb(1, workers)


def test_more_images_ask_for_more_memory():
    assert networks_mb("none") < networks_mb("classic") < networks_mb("gan")
    assert networks_mb("none", "classic") == networks_mb("classic")
    assert networks_mb("classic", curves=CURVES) > networks_mb("gan")
    assert networks_mb("none", curves=CURVES) == networks_mb("classic", curves=CURVES)
    costs = Costs(study())
    more = Costs(study(synthesizers={"dcgan": {"kind": "dcgan", "classic": 20000}}))
    assert more.synthesizer_mb("dcgan", 1) > costs.synthesizer_mb("dcgan", 1)


def test_more_predictions_ask_for_more_memory():
    few, many = (Costs(study(replicates=number)).tables_mb() for number in (1, 100))
    # 182 lesions, in the tables as 3 arms and 2 points of a curve, 99 replicates more
    assert many - few == pytest.approx(99 * 182 * 5 * 1e-3, abs=1)


def test_wider_networks_ask_for_more_memory():
    narrow = {"generator_channels": [64, 32, 16, 8], "discriminator_channels": [8, 16, 32, 64]}
    small = Costs(study(synthesizers={"dcgan": {"kind": "dcgan", **narrow}}))
    large = Costs(study())
    # The paper's pair has 35 million weights; Adam, gradients and a checkpoint stand beside them.
    more = large.synthesizer_mb("dcgan", 1) - small.synthesizer_mb("dcgan", 1)
    assert more > 35e6 * 4 * 4 / 1e6


def test_networks_that_train_at_the_same_time_ask_for_memory_each():
    one, two, three = (networks_mb(workers=number) for number in (1, 2, 3))
    assert two - one == three - two
    few, many = (networks_mb("none", workers=number) for number in (1, 2))
    assert 0 < many - few < two - one  # smaller training sets


def test_a_synthesizers_job_asks_for_the_samples_that_it_draws():
    none, some = (
        Costs(study(synthesizers={"dcgan": {"kind": "dcgan", "samples": 1000 + more}}))
        for more in (0, 4000)
    )
    samples = 4000 * 2 * 3 * 64**2 / 1e6  # of two parts, three classes, in MB
    more = some.synthesizer_mb("dcgan", 1) - none.synthesizer_mb("dcgan", 1)
    assert more == pytest.approx(3 * samples, abs=2)


def test_a_study_on_the_cpu_asks_for_no_gpu_and_no_memory_for_one():
    assert JobParams(study(device="cpu")).gpus == 0
    assert JobParams(study()).gpus == 1
    assert networks_mb("none", device="cpu") < CUDA < networks_mb("none")


# Run time ----------------------------------------------------------------------------------


def minutes(*arms, **changes) -> int:
    costs = Costs(study(*arms, **changes))
    return costs.minutes(costs.network_trainings(1))


def test_longer_trainings_ask_for_more_time():
    few, many = ({"budget": {"updates": updates}} for updates in (3000, 60000))
    long = minutes("none", device="cpu", classifier=many)
    assert long == pytest.approx(20 * minutes("none", device="cpu", classifier=few), rel=0.1)
    assert minutes("none", "gan", device="cpu", classifier=many) > long
    assert minutes("none") == LEAST_MINUTES


# Disk --------------------------------------------------------------------------------------


def test_disk_grows_with_the_variants():
    small, large = (
        Costs(study(classic={"n_rotations": number})).disk_bytes() for number in (30, 60)
    )
    assert large - small == 182 * 480 * 4096 * 6


# Cores -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trial() -> Study:
    """Three folds with shared synthesizers: the trial of brain tumours with an ACGAN as well."""
    config = yaml.safe_load((ROOT / "config/brain-tumor-mr-trial.yaml").read_text("utf-8"))
    dcgan = config["synthesizers"]["dcgan"]
    config["synthesizers"]["acgan"] = {**dcgan, "kind": "acgan"}
    config["arms"]["classic+acgan"] = {"classic": 500, "synthetic": {"acgan": 150}}
    config |= {"cohort": {"table": "phantom"}, "oracle": {}, "folds": {"number": 3}}
    return Study.from_config(config)


def planned(jobs: list[tuple[int, float]], cores: int) -> float:
    """Return when jobs end, (threads, seconds) each, that begin in their order once they fit."""
    running: list[tuple[float, int]] = []
    now, free = 0.0, cores
    for threads, seconds in jobs:
        while free < threads:
            now, freed = heapq.heappop(running)
            free += freed
        heapq.heappush(running, (now + seconds, threads))
        free -= threads
    return max(end for end, _ in running)


def best(seconds: list[float], cores: int) -> float:
    """Return when networks would end that were not bound to jobs, the longest first.

    All cores together cannot do it faster, and no network trains on two.
    """
    return max(makespan(sorted(seconds, reverse=True), cores), sum(seconds) / cores)


SLACK = pytest.mark.parametrize(("cores", "slack"), [(2, 1.05), (4, 1.2), (8, 1.15), (16, 1.2)])


@SLACK
def test_synthesizers_of_three_folds_keep_the_cores_busy(trial, cores, slack):
    costs = Costs(trial, cores)
    names = [(fold, name) for fold in trial.folds for name in ("dcgan", "acgan")]
    threads = [costs.synthesizer_threads(1, fold, name) for fold, name in names]
    networks = [
        [training.seconds(Machine(1, 0)) for training in costs.synthesizer_trainings(name, 1)]
        for _, name in names
    ]
    if cores == 8:
        assert sum(threads) == 8  # all six jobs run at once
    ends = [makespan(own, count) for own, count in zip(networks, threads, strict=True)]
    jobs = list(zip(threads, ends, strict=True))
    everything = [seconds for own in networks for seconds in own]
    assert planned(jobs, cores) <= slack * best(everything, cores)


@SLACK
def test_classifiers_of_three_folds_keep_the_cores_busy(trial, cores, slack):
    costs = Costs(trial, cores)
    names = [(replicate, fold) for replicate in trial.replicates for fold in trial.folds]
    threads = [costs.network_threads(*name) for name in names]
    networks = [training.seconds(Machine(1, 0)) for training in costs.network_trainings(1)]
    jobs = [(count, makespan(networks, count)) for count in threads]
    everything = networks * len(jobs)
    assert planned(jobs, cores) <= slack * sum(everything) / cores


def test_six_jobs_on_two_cores_get_one_each(trial):
    costs = Costs(trial, 2)
    trainings = costs.network_trainings(1)
    assert costs.workers([trainings] * 6) == [1] * 6
    assert [costs.synthesizer_threads(1, fold, "dcgan") for fold in trial.folds] == [1] * 3


def test_a_job_gets_no_more_cores_than_it_has_networks():
    trainings = Costs(study()).network_trainings(1)
    assert Costs(study(), 16).workers([trainings[:2], trainings[:1]]) == [2, 1]
    assert Costs(study(), 2).workers([trainings[:1]] * 3) == [1, 1, 1]


def test_the_process_of_a_job_uses_the_cores_that_it_was_given(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2})
    costs = Costs(study(), None)
    trainings = costs.network_trainings(1)
    assert costs.workers([trainings, trainings[:2]]) == [3, 2]


def test_on_a_gpu_a_job_takes_one_core():
    costs = Costs(study(device="cuda"), 8)
    assert costs.workers([costs.network_trainings(1)] * 2) == [1, 1]
