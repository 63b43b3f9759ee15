"""Every rule's hash of code covers what its script imports."""

from pathlib import Path

import pytest
import yaml
from snakemake.api import ConfigSettings, OutputSettings, ResourceSettings, SnakemakeApi

from augtrial.pipeline.code_hash import (
    WITHOUT_EFFECT,
    CodeParam,
    imported_modules,
    reached_modules,
)
from augtrial.pipeline.registration import code_modules
from augtrial.pipeline.study import Study
from workflow_runs import ROOT


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The rules of the workflow that run a script."""
    with SnakemakeApi(OutputSettings(dryrun=True)) as api:
        workflow = api.workflow(
            ResourceSettings(cores=1),
            ConfigSettings(configfiles=[ROOT / "config/tiny.yaml"]),
            snakefile=ROOT / "Snakefile",
            workdir=tmp_path_factory.mktemp("rules"),
        )
        yield [rule for rule in workflow._workflow.rules if rule.script]


def covered_modules(rule) -> set[str]:
    """Return the modules whose hashes are among a rule's parameters."""
    params = [param for param in rule.params if isinstance(param, CodeParam)]
    return reached_modules([module for param in params for module in param.modules])


def test_the_hash_of_every_rule_covers_what_its_script_imports(rules):
    assert len(rules) > 15
    missing = {}
    for rule in rules:
        script = Path(rule.basedir.get_path_or_uri(secret_free=True), rule.script)
        imported = set(imported_modules(script))
        assert imported, script
        if left_out := imported - covered_modules(rule) - WITHOUT_EFFECT:
            missing[rule.name] = sorted(left_out)
    assert missing == {}


def test_the_code_of_a_lock_is_that_of_all_rules_that_verdicts_come_from(rules):
    config = yaml.safe_load((ROOT / "config/tiny.yaml").read_text(encoding="utf-8"))
    locked = reached_modules(code_modules(Study.from_config(config)))
    shown = ("draw_results", "draw_images", "write_report", "record_study", "embed_lesions")
    shown += ("appraise_samples", "gather_fidelity")
    deciding = [rule for rule in rules if rule.name not in shown]
    assert len(deciding) > 10
    missing = {rule.name: sorted(covered_modules(rule) - locked) for rule in deciding}
    assert {name: modules for name, modules in missing.items() if modules} == {}


def test_no_training_depends_on_the_readers_of_pictures(rules):
    trainings = [rule for rule in rules if rule.name.startswith("train_")]
    assert trainings
    for rule in trainings:
        reached = covered_modules(rule)
        assert "core.seeds" in reached
        assert not {name for name in reached if name.startswith("cohort.")}, rule.name
