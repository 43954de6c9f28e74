"""What the notes say of the directions that a paper shows."""

import pytest

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
    {"label": "clusters", "method": "feature_clustering"},
    {"label": "CRF", "method": "gwm", "crf": True},
]
SOURCE = {"tables": ["gwm_table2"], "metrics": ["J", "J_oracle"]}
SEEDS = {"seeds": [0, 1, 2]}


@pytest.fixture
def notes(results):
    """What the notes say of one direction; keywords change the configuration.

    `better` is J of K = 4 by seed, where not that of K = 3.
    """

    def made(expected: dict, better: tuple[float, ...] = (), **changes) -> list[str]:
        declared = {
            "rows": ROWS,
            "scorings": ["leak_free", "oracle_components"],
            "published": SOURCE,
            "expects": [expected],
        }
        products = results(["a", "b"], declared=declared, **changes)
        for seed, j in enumerate(better):
            products.edit("K = 4", seed=seed, metrics={"J": j, "Acc": 0.9})
        notes = assemble(products.plan, "table1").notes
        return [note for note in notes if note.startswith("Expected")]

    return made


def test_a_direction_that_is_seen(notes) -> None:
    assert notes({"better": "K = 4", "worse": "K = 3"}, (0.67, 0.69, 0.68), **SEEDS) == [
        "Expected K = 4 > K = 3 (printed: +1.7 DAVIS2016): seen, by 6.5 points (68.0 ± 1.0 (3) and "
        "61.5 ± 2.3 (3) in J sprites leak_free; two standard errors of the difference: 2.9 points)."
    ]


def test_a_direction_that_is_not_seen(notes) -> None:
    assert notes({"better": "flow", "worse": "K = 3"}, **SEEDS) == [
        "Expected flow > K = 3: NOT SEEN at scale demo, -19.5 points (42.0 and 61.5 ± 2.3 (3) in "
        "J sprites leak_free; two standard errors of the difference: 2.6 points)."
    ]


@pytest.mark.parametrize("better", [(0.62, 0.63, 0.64), (0.60, 0.61, 0.60), (0.63, 0.6, 0.615)])
def test_less_than_two_standard_errors_decide_nothing(notes, better) -> None:
    (note,) = notes({"better": "K = 4", "worse": "K = 3"}, better, **SEEDS)
    assert ": undecided at scale demo, " in note


def test_one_seed_decides_nothing_but_gives_the_difference(notes) -> None:
    assert notes({"better": "K = 4", "worse": "K = 3"}, (0.648,)) == [
        "Expected K = 4 > K = 3 (printed: +1.7 DAVIS2016): undecided at scale demo, +3.8 points "
        "(64.8 and 61.0 in J sprites leak_free; one seed decides nothing)."
    ]


def test_what_is_not_trained_needs_no_seeds(notes) -> None:
    assert notes({"better": "flow", "worse": "clusters"}) == [
        "Expected flow > clusters: seen, by 2.0 points (42.0 and 40.0 in J sprites leak_free)."
    ]
    (note,) = notes({"better": "clusters", "worse": "flow"})
    assert ": NOT SEEN at scale demo, -2.0 points (40.0 and 42.0 in " in note


def test_the_same_trainings_are_compared_seed_by_seed(notes) -> None:
    # Of the same weights, a CRF adds two points to each seed, of which each is elsewhere.
    (note,) = notes({"better": "CRF", "worse": "K = 4"}, **SEEDS)
    assert ": seen, by 2.0 points (63.5 ± 2.3 (3) and 61.5 ± 2.3 (3) in " in note
    assert "subtracted seed by seed: 0.0 points" in note


def test_each_benchmark_is_judged_by_its_first_metric(notes) -> None:
    benchmarks = {
        "sprites": {"dataset": "sprites", "metrics": ["Acc", "J"]},
        "again": {"dataset": "sprites", "split": "all", "metrics": ["maxF_beta"]},
    }
    tables = {"table1": {"benchmarks": ["sprites", "again"], "flow": "dis"}}
    result = notes(
        {"better": "K = 4", "worse": "flow"},
        (0.6, 0.6, 0.6),
        benchmarks=benchmarks,
        tables=tables,
        **SEEDS,
    )
    assert result == [
        "Expected K = 4 > flow: seen, by 28.0 points (90.0 ± 0.0 (3) and 62.0 in Acc sprites "
        "leak_free; two standard errors of the difference: 0.0 points).",
        "Expected K = 4 > flow: not measured in maxF_beta again leak_free.",
    ]


def test_what_the_paper_prints_stands_once_where_benchmarks_share_it(notes) -> None:
    benchmarks = {
        "sprites": {"dataset": "sprites"},
        "again": {"dataset": "sprites", "split": "all"},
    }
    tables = {"table1": {"benchmarks": ["sprites", "again"], "flow": "dis"}}
    result = notes({"better": "K = 4", "worse": "K = 3"}, benchmarks=benchmarks, tables=tables)
    assert ["(printed: +1.7 DAVIS2016)" in note for note in result] == [True, False]


def test_rows_of_different_scorings_are_compared_where_both_have_one(results) -> None:
    rows = [
        {"label": "AMD", "method": "amd", "scorings": ["leak_free"]},
        {"label": "GWM", "method": "gwm"},
        {"label": "others", "method": "gwm_maskformer", "scorings": ["oracle", "released"]},
    ]
    expects = [
        {"better": "AMD", "worse": "GWM"},
        {"better": "GWM", "worse": "AMD"},
        {"better": "GWM", "worse": "others"},
        {"better": "GWM", "worse": "others", "scoring": "released"},
    ]
    benchmarks = {
        "sprites": {"dataset": "sprites"},
        "again": {"dataset": "sprites", "split": "all"},
    }
    tables = {"table1": {"benchmarks": ["sprites", "again"], "flow": "dis"}}
    declared = {"rows": rows, "expects": expects}
    made = results(["a"], declared=declared, benchmarks=benchmarks, tables=tables)
    result = [n for n in assemble(made.plan, "table1").notes if n.startswith("Expected")]
    columns = ("leak_free", "leak_free", "oracle", "released")
    assert [note.partition(" in J ")[2].partition(";")[0] for note in result] == [
        f"{benchmark} {scoring}" for scoring in columns for benchmark in benchmarks
    ]
    assert "-11.0 points (50.0 and 61.0 in J sprites leak_free" in result[0]
    assert "+11.0 points (61.0 and 50.0 in J sprites leak_free" in result[2]


def test_two_flow_roles_that_one_source_plays_cannot_differ(results) -> None:
    rows = [{"label": role, "method": "gwm", "flow": role} for role in ("raft", "arflow")]
    declared = {"rows": rows, "expects": [{"better": "raft", "worse": "arflow"}]}
    made = results(["a"], declared=declared, flow_roles={"raft": "dis", "arflow": "dis"}, **SEEDS)
    notes = assemble(made.plan, "table1").notes
    assert (
        "Expected raft > arflow: cannot be seen at scale demo, where both are the same run."
        in notes
    )
    assert "Flow source dis: estimator dis; it stands for raft and arflow at this scale." in notes
