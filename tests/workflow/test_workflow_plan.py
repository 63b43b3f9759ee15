"""What a dry run plans: every config, what stands alone, and that no fold sees its own lesions."""

import re
import shutil

import pytest
import yaml

from workflow_runs import ROOT, Run, ancestors, file_graph, make_cohort

CONFIGS = ["config.yaml", *(f"config/{path.name}" for path in (ROOT / "config").glob("*.yaml"))]
PHANTOMS = ("config.yaml", *(f"config/{name}.yaml" for name in ("controls", "quick", "tiny")))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("cohort"), a_class=4)


@pytest.mark.parametrize("config", CONFIGS)
def test_every_config_of_the_repository_plans_a_study(config, table, tmp_path):
    run = Run(tmp_path, None if config in PHANTOMS else table, config)
    # The made table has few lesions, in HU.
    fits = ["roi={window: [-160, 240]}", "classic={n_rotations: 60, n_flips: 3, n_translations: 7}"]
    fresh = table.with_name("fresh.csv")
    fresh.write_text(re.sub(r"\n(L\d+),P", r"\nx\1,xP", table.read_text(encoding="utf-8")))
    fits.append(f"oracle={{table: {fresh}}}")
    jobs = run.planned(config=() if config in PHANTOMS else fits)
    assert {"extract_rois", "train_classifiers", "compare_arms", "all"} <= set(jobs)


def test_a_plain_call_reads_config_yaml_and_plans_the_papers_study(tmp_path):
    shutil.copy(ROOT / "config.yaml", tmp_path)
    done = Run(tmp_path).call("--dry-run", plain=True)
    assert "Study frid-adar: 182 lesions" in done.stderr
    assert "54 dcgan, 18 acgan" in done.stderr
    assert "486 classifiers (12 arms, 2 size curves)" in done.stderr  # 12 and 15 points
    assert re.search(r"train_classifiers +18\n", done.stdout)
    assert re.search(r"train_synthesizer +36\n", done.stdout)


def test_an_arm_added_to_config_yaml_does_not_reach_another_config(tmp_path):
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    added = "  added: {classic: 7, transforms: [GaussNoise: {p: 0.5}]}\n"
    edited = text.replace("  none: {}\n", f"  none: {{}}\n{added}")
    assert edited != text
    (tmp_path / "config.yaml").write_text(edited, encoding="utf-8")
    run = Run(tmp_path, config="config/quick.yaml")
    assert "arm=added" in run.call("--dry-run", plain=True).stdout
    quick = run.call("--dry-run").stdout
    assert "arm=added" not in quick
    assert "results/quick/" in quick
    assert "frid-adar" not in quick


@pytest.mark.parametrize("given_folds", [True, False], ids=["given folds", "own splits"])
def test_nothing_of_a_fold_depends_on_the_lesions_that_it_holds_out(given_folds, tmp_path, table):
    if not given_folds:
        rows = table.read_text(encoding="utf-8").splitlines()
        table = table.with_name("without_folds.csv")
        table.write_text("\n".join(row.rsplit(",", 1)[0] for row in rows), encoding="utf-8")
    run = Run(tmp_path, table)
    text = run.call("--dry-run", "--forceall", config=["replicates=2"]).stdout
    graph = file_graph(text)
    pictures = {
        path
        for path in ancestors(graph, "results/tiny/predictions.csv")
        if path.endswith(".npy") and "/images/" in path
    }
    assert len(pictures) == 36
    trained = 0
    for path in graph:
        if not (found := re.search(r"replicate(\d)/fold(\d)/", path)):
            continue
        replicate, fold = found.groups()
        part = f"results/tiny/replicate{1 if given_folds else replicate}/part{fold}/rois.npz"
        held_out = ancestors(graph, part) & pictures
        assert held_out
        trained += 1
        assert ancestors(graph, path) & pictures == pictures - held_out, path
    folds = 3 if given_folds else 2
    assert trained == 2 * folds * (3 + 2 * 5)  # replicates; classifiers, and two synthesizers


def test_a_shared_synthesizer_is_trained_once_a_fold_on_the_one_split(tmp_path):
    run = Run(tmp_path)
    shared = ["replicates=3", "share_synthesizer=true"]
    jobs = run.planned(config=shared)
    assert jobs["train_synthesizer"] == SYNTHESIZERS
    assert jobs["train_classifiers"] == {
        f"replicate={replicate}, fold={fold}" for replicate in (1, 2, 3) for fold in (1, 2)
    }
    assert len(jobs["extract_rois"]) == 2
    assert len(jobs["make_variants"]) == 6


SYNTHESIZERS = {
    f"replicate=1, fold={fold}, synthesizer={name}"
    for fold in (1, 2)
    for name in ("dcgan", "acgan")
}


def test_a_job_a_synthesizer_and_fold_and_one_for_all_classifiers_of_a_fold(tmp_path):
    run = Run(tmp_path)
    jobs = run.planned()
    folds = {"replicate=1, fold=1", "replicate=1, fold=2"}
    assert jobs["train_synthesizer"] == SYNTHESIZERS
    assert jobs["train_classifiers"] == folds
    assert {rule for rule in jobs if "train" in rule or "sample" in rule} == {
        *("train_synthesizer", "train_classifiers", "appraise_samples"),
    }
    run.change(arms={"none": {}, "classic": {"classic": 4}}, contrasts=[], curves={})
    jobs = run.planned()
    assert "train_synthesizer" not in jobs
    assert jobs["train_classifiers"] == folds


def test_jobs_share_the_cores_that_there_are(tmp_path):
    def threads(cores):
        text = Run(tmp_path).call("--dry-run", cores=cores).stdout
        blocks = [block for block in text.split("\nrule ") if "train_synthesizer:" in block]
        found = [re.search(r"threads: (\d+)", block) for block in blocks]
        return sorted(int(match[1]) if match else 1 for match in found)

    assert threads(2) == [1, 1, 1, 1]
    assert threads(8) == [1, 1, 3, 3]  # an ACGAN is one network, a DCGAN one a class


def test_names_with_a_plus_and_spaces_are_planned(tmp_path):
    run = Run(tmp_path)
    dcgan = yaml.safe_load(run.configfile.read_text(encoding="utf-8"))["synthesizers"]["dcgan"]
    recipe = {"classic": 5, "transforms": [{"GaussNoise": {"p": 0.5}}], "synthetic": {"d+e f": 5}}
    run.change(arms={"a+b c": recipe, "none": {}}, contrasts=["a+b c - none"])
    run.change(synthesizers={"d+e f": dcgan}, curves={})
    jobs = run.planned()
    assert any("arm=a+b c" in name for name in jobs["transform_variants"])
    assert any("synthesizer=d+e f" in name for name in jobs["train_synthesizer"])


def asked(text: str, *rules: str) -> set[tuple[str, str]]:
    """Return what jobs of these rules ask for in a dry run: GPUs and minutes."""
    blocks = [block for block in text.split("\nrule ") if block.split(":")[0] in rules]
    assert {block.split(":")[0] for block in blocks} == set(rules)
    return {
        tuple(re.search(rf"resources: .*\b{name}=(\d+)", block)[1] for name in ("gpu", "runtime"))
        for block in blocks
    }


def test_on_a_cluster_trainings_ask_for_a_gpu_and_time_unless_the_study_is_on_the_cpu(tmp_path):
    training = ("train_classifiers", "train_synthesizer")
    cluster = ("--dry-run", "--workflow-profile", "profiles/slurm")
    done = Run(tmp_path).call(*cluster)
    assert asked(done.stdout, *training) == {("1", "15")}
    assert "on 100 cores" in done.stderr
    done = Run(tmp_path).call(*cluster, config=["device=cpu"])
    assert asked(done.stdout, *training) == {("0", "15")}
    blocks = [block for block in done.stdout.split("\nrule ") if block.startswith("train_")]
    assert any("threads: 2" in block for block in blocks)  # of more cores than jobs


def test_the_linter_of_snakemake_has_nothing_to_say(tmp_path):
    done = Run(tmp_path).call("--lint")
    assert "Congratulations" in done.stdout + done.stderr
