"""What the notes say of the directions that a paper shows."""

from commonfate.tables.assemble import assemble

ROWS = [
    {"label": "K = 4", "method": "gwm", "published": "Quadratic (Eq. (2)) (K 4)"},
    {
        "label": "K = 3",
        "method": "gwm",
        "settings": {"components": 3},
        "published": "Quadratic (Eq. (2)) (K 3)",
    },
    {"label": "flow", "method": "residual_flow"},
]
SOURCE = {"tables": ["gwm_table2"], "metrics": ["J", "J_oracle"]}


def _notes(results, *expects: dict, **changes) -> list[str]:
    declared = {
        "rows": ROWS,
        "scorings": ["leak_free", "oracle_components"],
        "published": SOURCE,
        "expects": expects,
    }
    made = results(["a", "b"], declared=declared, **changes)
    better = {"J": 0.648, "Acc": 0.9}
    made.edit("K = 4", metrics=better)
    notes = assemble(made.plan, "table1").notes
    return [note for note in notes if note.startswith("Expected")]


def test_a_direction_that_is_seen(results) -> None:
    assert _notes(results, {"better": "K = 4", "worse": "K = 3"}) == [
        "Expected K = 4 > K = 3 (printed: +1.7 DAVIS2016): seen, by 3.8 points (64.8 and 61.0 in "
        "J sprites leak_free)."
    ]


def test_a_direction_that_is_not_seen(results) -> None:
    assert _notes(results, {"better": "flow", "worse": "K = 3"}) == [
        "Expected flow > K = 3: NOT SEEN at scale demo, -19.0 points (42.0 and 61.0 in "
        "J sprites leak_free)."
    ]


def test_equal_numbers_show_no_direction(results) -> None:
    expected = {"better": "K = 4", "worse": "K = 3", "scoring": "oracle_components"}
    assert _notes(results, expected) == [
        "Expected K = 4 > K = 3 (printed: +2.0 DAVIS2016): NOT SEEN at scale demo, +0.0 points "
        "(76.0 and 76.0 in J sprites oracle_components)."
    ]


def test_each_benchmark_is_judged_by_its_first_metric(results) -> None:
    benchmarks = {
        "sprites": {"dataset": "sprites", "metrics": ["Acc", "J"]},
        "again": {"dataset": "sprites", "split": "all", "metrics": ["maxF_beta"]},
    }
    tables = {"table1": {"benchmarks": ["sprites", "again"], "flow": "dis"}}
    notes = _notes(
        results, {"better": "K = 4", "worse": "flow"}, benchmarks=benchmarks, tables=tables
    )
    assert notes == [
        "Expected K = 4 > flow: seen, by 28.0 points (90.0 and 62.0 in Acc sprites leak_free).",
        "Expected K = 4 > flow: not measured in maxF_beta again leak_free.",
    ]


def test_two_flow_roles_that_one_source_plays_cannot_differ(results) -> None:
    rows = [{"label": role, "method": "gwm", "flow": role} for role in ("raft", "arflow")]
    declared = {"rows": rows, "expects": [{"better": "raft", "worse": "arflow"}]}
    made = results(["a"], declared=declared, flow_roles={"raft": "dis", "arflow": "dis"})
    notes = assemble(made.plan, "table1").notes
    assert (
        "Expected raft > arflow: cannot be seen at scale demo, where both are the same run."
        in notes
    )
    assert "Flow source dis: estimator dis; it stands for raft and arflow at this scale." in notes
