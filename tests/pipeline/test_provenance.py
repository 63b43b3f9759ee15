import json

from augtrial.pipeline.provenance import config_hash, study_facts
from augtrial.pipeline.study import Study

CONFIG = {"study": "s", "replicates": 2, "arms": {"none": {}}}


def test_the_hash_follows_what_changes_results_and_not_how_they_look():
    one, figure, other = (
        study_facts(Study.from_config({**CONFIG, **change}))["config_hash"]
        for change in ({}, {"figures": {"palette": "deep"}, "note": "x"}, {"seed": 2})
    )
    assert one == figure
    assert one != other
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1})


def test_the_record_counts_lesions_patients_and_classes():
    facts = study_facts(Study.from_config(CONFIG))
    assert facts["lesions"] == 182
    assert facts["classes"] == {"cyst": 53, "metastasis": 64, "hemangioma": 65}
    assert 2 < facts["patients"] < 182
    assert facts["replicates"] == [1, 2]
    json.dumps(facts)
