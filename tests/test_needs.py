import pytest

from augtrial.needs import CUDA, LEAST_MINUTES, Needs
from augtrial.recipes import Recipes
from augtrial.study import Study

CONFIG = {
    "study": "s",
    "arms": {
        "none": {},
        "classic": {"classic": 5000},
        "gan": {"classic": 5000, "synthetic": {"dcgan": 1000}},
    },
    "curves": {"classic": {"vary": "classic", "sizes": [0, 20000]}},
    "contrasts": ["gan - classic"],
}


def study(**changes) -> Study:
    return Study.from_config({**CONFIG, **changes})


def test_more_images_ask_for_more_memory():
    needs = Needs(study())
    assert (
        needs.classifiers(1, ["none"])
        < needs.classifiers(1, ["classic"])
        < needs.classifiers(1, ["gan"])
    )
    assert needs.classifiers(1, ["none", "classic"]) == needs.classifiers(1, ["classic"])
    assert needs.classifiers(1, [], ["classic"]) > needs.classifiers(1, ["classic"])
    together = needs.classifiers(1, ["none"], ["classic"])
    assert together == needs.classifiers(1, [], ["classic"])
    more = Needs(study(synthesizers={"dcgan": {"network": "dcgan", "classic": 20000}}))
    assert more.synthesizers(1, ["dcgan"]) > needs.synthesizers(1, ["dcgan"])


def test_more_predictions_ask_for_more_memory():
    few, many = (Needs(study(replicates=number)).tables() for number in (1, 100))
    # 182 lesions, in the tables as 3 arms and 2 points of a curve, 99 replicates more
    assert many - few == pytest.approx(99 * 182 * 5 * 1e-3, abs=1)


def test_wider_networks_ask_for_more_memory():
    narrow = {"generator_channels": [64, 32, 16, 8], "discriminator_channels": [8, 16, 32, 64]}
    small = Needs(study(synthesizers={"dcgan": {"network": "dcgan", **narrow}}))
    large = Needs(study())
    # The paper's pair has 35 million weights; Adam, gradients and a checkpoint stand beside them.
    assert large.synthesizers(1, ["dcgan"]) - small.synthesizers(1, ["dcgan"]) > 35e6 * 4 * 4 / 1e6


def test_longer_trainings_ask_for_more_time():
    few, many = (
        Needs(study(device="cpu", classifier={"budget": {"updates": updates}}))
        for updates in (3000, 60000)
    )
    assert many.classifiers_minutes(1, ["none"]) == pytest.approx(
        20 * few.classifiers_minutes(1, ["none"]), rel=0.1
    )
    assert many.classifiers_minutes(1, ["none", "gan"]) > many.classifiers_minutes(1, ["none"])
    assert Needs(study()).classifiers_minutes(1, ["none"]) == LEAST_MINUTES


def test_a_study_on_the_cpu_asks_for_no_gpu_and_no_memory_for_one():
    assert Recipes(study(device="cpu")).gpus == 0
    assert Recipes(study()).gpus == 1
    cpu, gpu = (Needs(study(device=device)) for device in ("cpu", "auto"))
    assert cpu.classifiers(1, ["none"]) < CUDA < gpu.classifiers(1, ["none"])


def test_a_job_of_a_whole_fold_asks_for_the_samples_that_it_draws():
    alone, fold = (Needs(study(jobs=jobs)) for jobs in ("network", "fold"))
    samples = 4000 * 2 * 3 * 64**2 / 1e6  # of two parts, three classes, in MB
    more = fold.synthesizers(1, ["dcgan"]) - alone.synthesizers(1, ["dcgan"])
    assert more == pytest.approx(3 * samples, abs=2)
