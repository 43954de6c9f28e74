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
    "flowdino_table1": 2 * 3 * 2,
    "flowdino_table2": 8 * 3 * 2,
    "flowdino_table3": 9 * 1 * 2,
    "flowdino_table4": 5 * 2 * 2,
    "flowdino_table5": 4 * 1 * 2,
    "flowdino_table6": 5 * 3 * 2,
    "flowdino_table7": 8 * 1 * 2,
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
    "timet_table10": 3 * 1 * 2,
    "timet_table11": 4 * 4 * 2,
}
TRAINED = ("flowdino", "timet", "dino")
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
        runs = (cell.run for cell in plan.evaluations(table))
        frozen = [run for run in runs if not run.settings.trained]
        declared = plan.declarations[table].rows
        assert len(set(frozen)) == len([r for r in declared if r.method not in TRAINED]), table
        if table.startswith("timet"):
            # Two rows may be of a run, if a variant of the benchmark scores the other.
            cells = ((cell, row) for row in declared for cell in plan.row(table, row))
            pairs = {(cell.run, row.variant) for cell, row in cells if cell.run.seed in (None, 0)}
            assert len(pairs) == len(declared), table


def test_trainings_of_flowdino_at_the_papers_scale(paper: Plan) -> None:
    tables = [table for table in PROBES if table.startswith("flowdino")]
    cells = [cell for table in tables for cell in paper.evaluations(table)]
    runs = {cell.run for cell in cells if cell.run.settings.trained}
    # Four networks with both losses and without the flow loss; three more parts of Table III; one
    # without images.
    assert len(runs) == 4 + 4 + 3 + 1
    videos = "uvo+vspw+youtube_vos_sparse-train-raft.things"
    names = {(run.samples, run.samples_beside) for run in runs}
    assert names == {(videos, "imagenet-train-frames"), ("moments-train-raft.things", None)}
    for run in runs:
        settings = run.settings
        size = {384: "s", 768: "b"}[settings.dim]
        assert settings.start == f"dino.vit{size}{settings.patch}.full"
        assert (settings.head, settings.outputs) == (
            ("start", 65_536) if run.beside else ("new", 8192)
        )
        data = "moments" if settings.distils == "frames" else "images"
        assert run.slug.endswith(
            "moments.train-s0"
            if data == "moments"
            else "youtube_vos_sparse.train-beside-imagenet.train-s0"
        )
    alone = [run for run in runs if run.settings.flow_weight == 0]
    assert {run.settings.distils for run in alone} == {"both"}


def test_trainings_of_flowdino_at_small_scales_start_from_what_ships(shipped: Shipped) -> None:
    for scale, starts in (("smoke", {None}), ("demo", {None, "vit_demo_8.photos"})):
        plan = shipped(scale)
        cells = [cell for table in PROBES for cell in plan.evaluations(table)]
        runs = {cell.run for cell in cells if cell.run.settings.method == "flowdino"}
        assert {run.settings.start for run in runs} == starts
        assert {run.samples_beside for run in runs} == {"sprite_photos-train-frames", None}


def test_three_seeds_of_flowdino_at_scale_demo(shipped: Shipped) -> None:
    cells = shipped("demo").evaluations("flowdino_table3")
    seeds = {cell.run.seed for cell in cells if cell.run.settings.method == "flowdino"}
    assert seeds == {0, 1, 2}


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
