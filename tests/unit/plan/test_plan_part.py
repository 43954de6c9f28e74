"""The part of the configuration that a table depends on."""

import json

from commonfate import config, plan

GWM = {"label": "ours", "method": "gwm"}
AMD = {"label": "pairs", "method": "amd"}
SEMANTIC = {"label": "classes", "method": "semantic", "settings": {"classes": 6}}
STARTED = {**SEMANTIC, "label": "started", "start": {"method": "amd"}}


def test_a_table_depends_on_its_own_part_of_the_configuration(make) -> None:
    built = make(GWM)
    text = built.table_config("table1")
    other = {"flow": {"sources": {"farneback": {"estimator": "farneback"}}}}
    assert make(GWM, changes=other).table_config("table1") == text
    assert make(GWM, changes={"seeds": [1]}).table_config("table1") != text
    again = config.load(json.loads(text))
    assert plan.join(again, built.declarations).evaluations("table1") == built.evaluations("table1")


def test_a_table_without_flow_depends_on_no_source(make) -> None:
    built = make(AMD)
    part = json.loads(built.table_config("table1"))
    assert part["flow"]["sources"] == {}
    assert part["tables"]["table1"]["flow"] is None
    assert list(part["methods"]) == ["amd"]
    sources = {"dis": {"preset": "fast"}}
    assert make(AMD, changes={"flow": {"sources": sources}}).table_config("table1") == (
        built.table_config("table1")
    )
    again = config.load(part)
    assert plan.join(again, built.declarations).evaluations("table1") == built.evaluations("table1")


def test_a_table_depends_on_what_its_runs_start_from(make, shapes) -> None:
    built = make(SEMANTIC, STARTED, scorings=["classes"], changes=shapes)
    part = json.loads(built.table_config("table1"))
    assert set(part["datasets"]) == {"shapes", "sprites"}
    assert set(part["methods"]) == {"amd", "semantic"}
    again = config.load(part)
    assert plan.join(again, built.declarations).evaluations("table1") == built.evaluations("table1")
    scratch = json.loads(
        make(SEMANTIC, scorings=["classes"], changes=shapes).table_config("table1")
    )
    assert set(scratch["datasets"]) == {"shapes"}
    assert scratch["benchmarks"]["shapes"]["pretrain_datasets"] == []
    config.load(scratch)


def test_a_table_with_seeds_of_its_own_depends_on_no_others(make) -> None:
    own = {"tables": {"table1": {"seeds": [3, 5]}}}
    text = make(GWM, changes=own).table_config("table1")
    assert make(GWM, changes={**own, "seeds": [1]}).table_config("table1") == text
    assert make(GWM, changes={"seeds": [3, 5]}).table_config("table1") == text
    built = make(GWM, changes=own)
    again = plan.join(config.load(json.loads(text)), built.declarations)
    assert again.evaluations("table1") == built.evaluations("table1")
