"""Rows that the configuration leaves out, or that need a package that is not installed."""

import pytest

from commonfate import config, plan
from commonfate.base.errors import ConfigError
from commonfate.prediction import crf

PLAIN = {"label": "plain", "method": "gwm"}
CRF = {"label": "refined", "method": "gwm", "crf": True}
FLOW = {"label": "flow", "method": "residual_flow"}
EXPECTS = [
    {"better": "refined", "worse": "plain"},
    {"better": "plain", "worse": "flow"},
]


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crf, "is_installed", lambda: False)


def test_they_are_left_out_and_said(make, missing) -> None:
    created = make(PLAIN, CRF, FLOW, expects=EXPECTS)
    labels = {row.label for row in created.declarations["table1"].rows}
    assert labels == {"plain", "flow"}
    assert not any(cell.crf for cell in created.evaluations("table1"))
    expected = [(item.better, item.worse) for item in created.declarations["table1"].expects]
    assert expected == [("plain", "flow")]
    line = created.left_out("table1")
    assert "'refined'" in line and "pip install 'commonfate[crf]'" in line and "\n" not in line


def test_nothing_is_left_out_where_it_is_installed(make) -> None:
    created = make(PLAIN, CRF, FLOW, expects=EXPECTS)
    assert len(created.declarations["table1"].rows) == 3
    assert len(created.declarations["table1"].expects) == 2
    assert created.left_out("table1") == ""


def test_settings_of_a_row_that_is_left_out_are_no_mistake(make, missing) -> None:
    rows = {"refined": {"iterations": 7}}
    created = make(PLAIN, CRF, changes={"tables": {"table1": {"rows": rows}}})
    assert [row.label for row in created.declarations["table1"].rows] == ["plain"]


def test_a_table_of_nothing_else_is_refused_when_it_is_asked_for(make, missing) -> None:
    created = make(CRF)
    assert created.evaluations("table1") == []
    with pytest.raises(
        ConfigError, match="table table1: nothing is left of it: the package pydensecrf2"
    ):
        created.left_out("table1")


def test_the_demo_needs_no_crf(default, declared, missing) -> None:
    created = plan.make(config.load(default), declared)
    assert created.left_out("table1") == ""
    shipped = {name for name in created.declarations if created.left_out(name)}
    assert shipped == {"gwm_table1", "gwm_table10", "gwm_table11", "gwm_table12"}


def test_a_row_without_settings_is_left_out(make) -> None:
    changes = {"tables": {"table1": {"rows": {"plain": None}}}}
    created = make(PLAIN, FLOW, changes=changes, expects=EXPECTS[1:])
    assert [row.label for row in created.declarations["table1"].rows] == ["flow"]
    assert created.declarations["table1"].expects == ()
    assert created.left_out("table1") == ""
    assert {cell.run.settings.method for cell in created.evaluations("table1")} == {"residual_flow"}


def test_a_configuration_that_leaves_every_row_out_is_refused(make) -> None:
    with pytest.raises(ConfigError, match=r"tables.table1.rows leaves every row out"):
        make(PLAIN, changes={"tables": {"table1": {"rows": {"plain": None}}}})


LEARNT = {"label": "learnt", "method": "gwm", "data": "films", "optional": True}


def test_an_optional_row_is_left_out_where_nothing_plays_its_role(make) -> None:
    created = make(PLAIN, LEARNT)
    assert [row.label for row in created.declarations["table1"].rows] == ["plain"]
    assert created.left_out("table1") == (
        "Left out of table1: 'learnt', as no data sets play the role 'films' at this scale "
        "(data_roles.films of the config names them)."
    )
    there = make(PLAIN, LEARNT, changes={"data_roles": {"films": ["sprites"]}})
    assert len(there.declarations["table1"].rows) == 2
    assert there.left_out("table1") == ""


def test_another_row_without_data_is_a_mistake(make) -> None:
    with pytest.raises(ConfigError, match="no data sets play the role 'films'"):
        make(PLAIN, LEARNT | {"optional": False}).evaluations("table1")


def test_each_reason_has_its_rows(make, missing) -> None:
    line = make(PLAIN, CRF, LEARNT).left_out("table1")
    assert line.count("Left out of table1: ") == 2
    assert "'refined', as the package" in line and "'learnt', as no data sets" in line
