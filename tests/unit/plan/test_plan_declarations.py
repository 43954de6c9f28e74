"""Tables as they are declared, and mistakes in them."""

import subprocess
import sys
from pathlib import Path

import pytest

from commonfate import config, plan
from commonfate.base.errors import ConfigError
from commonfate.base.settings import merged

GWM = {"label": "ours", "method": "gwm"}
CLUSTERS = {"label": "clusters", "method": "feature_clustering"}


@pytest.mark.parametrize(
    "name",
    [
        *(f"gwm_table{n}" for n in range(1, 13)),
        *(f"amd_table{n}" for n in range(1, 4)),
        "amd_figure5",
    ],
)
def test_every_table_of_the_papers_is_declared(name: str, default, declared) -> None:
    created = plan.make(config.load(default), declared)
    assert created.evaluations(name)


def test_planning_needs_no_torch() -> None:
    program = "import sys, commonfate.plan; print(sorted({'torch', 'cv2'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.stdout == "[]\n", process.stderr


def test_a_row_has_no_scoring_that_its_table_lacks(make) -> None:
    with pytest.raises(ConfigError, match="scoring 'orakle' is unknown; did you mean oracle"):
        make(CLUSTERS | {"scorings": ["orakle"]}, scorings=["oracle"])


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"better": "ours", "worse": "their"}, "row 'their' is unknown; did you mean theirs?"),
        (
            {"better": "ours", "worse": "theirs", "scoring": "oracle"},
            "scoring 'oracle' is unknown. Known: leak_free, released",
        ),
    ],
)
def test_expectations_name_what_exists(make, expected: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(GWM, {**CLUSTERS, "label": "theirs"}, expects=[expected])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"label": "x", "method": "gwn"},
            "table1.yaml: row 'x': method 'gwn' is unknown; did you mean gwm? Known: gwm, "
            "gwm_maskformer, amd, semantic, dino, flowdino, maskfeat, timet, frozen, first_mask, "
            "flow_warp, residual_flow, motion, feature_clustering",
        ),
        (
            {**GWM, "settings": {"component": 3}},
            "table1.yaml: row 'ours': component is unknown; did you mean components? Known: ",
        ),
        (
            {**CLUSTERS, "settings": {"clusters": 1}},
            "table1.yaml: row 'clusters': clusters = 1: Input should be greater than or equal to 2",
        ),
        (
            {**GWM, "published": "Ours (UNnet)"},
            "table1.yaml: row 'ours': published 'Ours (UNnet)' is unknown; did you mean Ours "
            "(UNet)? Known: SAGE, ",
        ),
    ],
)
def test_a_mistake_in_a_row(make, row: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(row, published={"tables": ["gwm_table1"]})
    assert str(error.value).startswith(f"workflow/tables/{message}")
    assert "\n" not in str(error.value)


def test_labels_tell_rows_apart(make) -> None:
    with pytest.raises(ConfigError, match=r"table1.yaml: rows: the label 'ours' is used more"):
        make(GWM, GWM)


def test_a_table_that_is_not_declared(default, declared) -> None:
    tables = {"tabel1": {"benchmarks": ["sprites"], "flow": "dis"}}
    with pytest.raises(ConfigError) as error:
        plan.make(config.load(merged(default, {"tables": tables})), declared)
    assert "config: tables.tabel1 is unknown; did you mean table1? Known: " in str(error.value)


def test_rendered_videos_never_wear_a_published_name(make) -> None:
    with pytest.raises(ConfigError, match="published_as 'DAVIS2016': rendered data are no"):
        make(GWM, changes={"benchmarks": {"sprites": {"published_as": "DAVIS2016"}}})


def test_an_unknown_published_benchmark(make) -> None:
    with pytest.raises(ConfigError, match=r"'DAVIS-2016' is unknown; did you mean DAVIS2016\?"):
        make(GWM, changes={"benchmarks": {"sprites": {"published_as": "DAVIS-2016"}}})


def test_a_declaration_that_is_not_yaml(tmp_path: Path) -> None:
    path = tmp_path / "table1.yaml"
    path.write_text("title: [")
    with pytest.raises(ConfigError) as error:
        plan.read_declaration(path)
    assert str(error.value).startswith(f"{path}: cannot be read as YAML (")
    assert "\n" not in str(error.value)


OTHERS = {**CLUSTERS, "label": "theirs"}


@pytest.mark.parametrize(
    ("expected", "scoring"),
    [
        ({"better": "ours", "worse": "theirs"}, "released"),
        ({"better": "theirs", "worse": "ours", "scoring": "released"}, "released"),
        ({"better": "ours", "worse": "third"}, "leak_free"),
    ],
)
def test_rows_are_compared_in_a_scoring_that_both_have(make, expected: dict, scoring: str) -> None:
    rows = [
        GWM,
        {**OTHERS, "scorings": ["released", "oracle"]},
        {**CLUSTERS, "label": "third"},
    ]
    scorings = ["oracle_components", "released", "oracle", "leak_free"]
    declared = make(*rows, scorings=scorings, expects=[expected]).declarations["table1"]
    assert declared.scoring_of(declared.expects[0]) == scoring


@pytest.mark.parametrize("scoring", [None, "leak_free", "oracle"])
def test_rows_without_such_a_scoring_are_refused_before_any_training(make, scoring) -> None:
    rows = [{**GWM, "scorings": ["leak_free"]}, {**OTHERS, "scorings": ["oracle"]}]
    expected = {"better": "ours", "worse": "theirs", "scoring": scoring}
    with pytest.raises(ConfigError) as error:
        make(*rows, scorings=["leak_free", "oracle"], expects=[expected])
    message = str(error.value)
    assert "table1.yaml: expects: ours and theirs" in message
    assert "ours has leak_free; theirs has oracle" in message and "\n" not in message


@pytest.mark.parametrize(
    ("row", "declared", "facts"),
    [
        ({"scorings": []}, {}, ["rows.0.scorings"]),
        ({"scorings": ["released", "released"]}, {}, ["'ours'", "released", "twice"]),
        ({}, {"scorings": ["oracle", "oracle"]}, ["oracle", "twice"]),
        ({}, {"expects": [{"better": "ours", "worse": "ours"}]}, ["expects", "'ours'", "itself"]),
        (
            {},
            {"kind": "sequences", "published": {"tables": ["gwm_table1"], "metrics": ["J"]}},
            ["sequences", "J", "J_mean, J_recall, J_decay"],
        ),
        ({}, {"kind": "sequences", "scorings": ["classes"]}, ["sequences", "classes"]),
    ],
)
def test_what_a_table_could_not_show_is_refused(make, row, declared, facts) -> None:
    with pytest.raises(ConfigError) as error:
        make({**GWM, **row}, **declared)
    assert all(fact in str(error.value) for fact in facts), str(error.value)
    assert "\n" not in str(error.value)


def test_a_table_without_rows_or_benchmarks_is_refused(make) -> None:
    with pytest.raises(ConfigError, match="rows"):
        make()
    with pytest.raises(ConfigError, match=r"tables\.table1\.benchmarks"):
        make(GWM, changes={"tables": {"table1": {"benchmarks": []}}})


def test_a_declaration_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "table1.yaml"
    with pytest.raises(ConfigError) as error:
        plan.read_declaration(path)
    assert str(error.value).startswith(f"{path}: no such file; ")
