"""Tables of FlowDINO and TimeT: what their rows measure, at the papers' settings and at others."""

from collections.abc import Callable

import pytest

from commonfate.evaluation.features.benchmarks import FeatureBenchmark
from commonfate.evaluation.features.settings import (
    FLOWDINO_COCO,
    FLOWDINO_VOC,
    FRAMES_APART,
    LEOPART_VOC,
    TIMET_VOC,
    ClusteringSettings,
)
from commonfate.plan import Plan
from commonfate.published import rows as published
from commonfate.published.rows import BENCHMARKS

Shipped = Callable[[str], Plan]
PROBES = {
    # Rows x benchmarks x scorings.
    "flowdino_table1": 1 * 3 * 2,
    "flowdino_table2": 4 * 3 * 2,
    "flowdino_table4": 4 * 2 * 2,
    "flowdino_table5": 2 * 1 * 2,
    "flowdino_table6": 3 * 3 * 2,
    "flowdino_table7": 4 * 1 * 2,
    "timet_table1a": 4 * 3 * 2,
    "timet_table1b": 4 * 3 * 2,
    "timet_table1c": 4 * 3 * 2,
    "timet_table2": 4 * 3 * 2,
    "timet_table3": 8 * 2 * 2,
    "timet_table4": 6 * 12 * 2,
    "timet_table5": 5 * 4 * 2,
    "timet_table6": 3 * 3 * 2,
    "timet_table7": 3 * 2 * 2,
    "timet_table8": 7 * 1 * 1,  # TimeT released no code of it
    "timet_table9": 1 * 3 * 2,
    "timet_table10": 2 * 1 * 2,
    "timet_table11": 4 * 4 * 2,
}
TRAINED = ("timet", "dino")
SCALES = ("smoke", "demo", "paper")


@pytest.fixture(scope="module", params=SCALES)
def plan(request: pytest.FixtureRequest, shipped: Shipped) -> Plan:
    """All tables of a shipped scale."""
    return shipped(request.param)


@pytest.fixture(scope="module")
def paper(shipped: Shipped) -> Plan:
    """All tables of scale `paper`, on empty folders."""
    return shipped("paper")


def _benchmarks(plan: Plan, table: str) -> list[FeatureBenchmark]:
    named = (plan.config.benchmarks[name] for name in plan.config.tables[table].benchmarks)
    return [each for each in named if isinstance(each, FeatureBenchmark)]


@pytest.mark.parametrize("table", PROBES)
def test_probes_of_a_table(paper: Plan, table: str) -> None:
    cells = paper.evaluations(table)
    assert len({cell.path for cell in cells}) == len(cells) == PROBES[table]


def test_tables_are_made_by_name_alone(plan: Plan) -> None:
    assert not any(plan.config.tables[table].by_default for table in PROBES)


def test_frozen_rows_are_not_trained(plan: Plan) -> None:
    for table in PROBES:
        for cell in plan.evaluations(table):
            if cell.run.settings.method in TRAINED:
                continue
            assert not cell.run.settings.trained
            assert cell.run.seed is None


def test_encoders_of_small_scales_need_no_download(shipped: Shipped) -> None:
    used = {"smoke": {"random.vit_smoke_8"}, "demo": {"vit_demo_8.photos", "random.vit_demo_8"}}
    for scale, networks in used.items():
        plan = shipped(scale)
        runs = {cell.run for table in PROBES for cell in plan.evaluations(table)}
        encoders = {run.settings.encoder for run in runs if hasattr(run.settings, "encoder")}
        assert encoders == {*networks, "random.resnet50"}


def test_rows_of_a_table_are_different_encoders(plan: Plan) -> None:
    for table in PROBES:
        runs = [cell.run for cell in plan.evaluations(table)]
        rows = len(plan.declarations[table].rows)
        assert len(set(runs)) == rows, table


def test_every_published_column_has_a_benchmark(paper: Plan) -> None:
    for table in PROBES:
        declared = paper.declarations[table].published
        assert declared is not None
        rows = published.rows(declared.tables, declared.metrics)
        printed = {key for row in rows.values() for key in row.values}
        shown = [
            key
            for each in _benchmarks(paper, table)
            for key in printed
            if key.matches(
                each.published_metric or each.metrics[0],
                each.published_as or "",
                each.published_settings,
            )
        ]
        assert sorted(shown) == sorted(printed), table


def test_every_benchmark_of_a_table_is_of_its_paper(paper: Plan) -> None:
    for table in PROBES:
        name = "FlowDINO" if table.startswith("flowdino") else "TimeT"
        for benchmark in (
            paper.config.benchmarks[n] for n in paper.config.tables[table].benchmarks
        ):
            metric = benchmark.published_metric or benchmark.metrics[0]
            scored = BENCHMARKS[benchmark.published_as or ""][name]
            assert any(each.has(metric, benchmark.published_settings) for each in scored)


def test_settings_are_those_of_the_papers(paper: Plan) -> None:
    of = paper.config.benchmarks
    assert of["voc2012_linear_320"].settings == FLOWDINO_VOC
    assert of["cocostuff27_linear"].settings == FLOWDINO_COCO
    assert of["voc2012_linear"].settings == TIMET_VOC
    assert of["voc2012_fcn"].settings == LEOPART_VOC
    assert of["voc2012_k21"].settings == ClusteringSettings(clusters=21)
    assert of["voc2012_components"].settings == of["voc2012_k21"].settings
    over = ClusteringSettings(clusters=500, matched="many_to_one")
    assert of["voc2012_k500"].settings == of["youtube_vos_dataset_k500"].settings == over
    assert of["youtube_vos_clip"].settings == ClusteringSettings(level="clip")
    assert of["davis2017_frame_k10"].settings == ClusteringSettings(
        level="frame", clusters=10, matched="many_to_one"
    )
    assert of["davis2017_dataset_k200"].settings.clusters == 200
    lengths = {
        name: of[f"{name}_clip"].clip_length for name in ("youtube_vos", "davis2017", "visor")
    }
    assert lengths == {"youtube_vos": 4, "davis2017": 16, "visor": 4}
    steps = [of[name].settings.step for name in paper.config.tables["timet_table11"].benchmarks]
    assert tuple(steps) == FRAMES_APART
    assert paper.config.datasets["cocostuff27"].train_images == 5000
    trainval = paper.config.datasets[of["voc2012_prototypes"].dataset]
    assert (trainval.train_list, of["voc2012_prototypes"].split) == ("train", "all")


def test_ways_of_table_11_are_rows(plan: Plan) -> None:
    cells = plan.evaluations("timet_table11")
    ways = [
        plan.config.benchmarks[cell.benchmark].settings_of(cell.run.settings).by for cell in cells
    ]
    assert ways == ["still"] * 8 + ["flow"] * 8 + ["forwarder"] * 16
    flow = {cell.run.flow for cell in cells[8:16]}
    assert flow == {"pwcnet.sintel" if plan.config.scale == "paper" else "farneback"}
