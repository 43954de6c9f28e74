"""The tables of FlowDINO and TimeT as they are printed: rows, columns, deviations, benchmarks."""

import csv
from importlib import resources

import pytest

from commonfate.published import benchmarks
from commonfate.published import rows as published
from commonfate.published.rows import Key

VOC = [
    "mIoU_linear VOC2012",
    "mIoU_cluster_K21 VOC2012",
    "mIoU_cluster_K500 VOC2012",
]
BOXES = ["CorLoc VOC2007", "CorLoc VOC2012", "CorLoc COCO-20k"]
PRINTED: dict[str, tuple[int, list[str]]] = {
    "flowdino_table1": (12, BOXES),
    "flowdino_table2": (8, BOXES),
    "flowdino_table3": (10, ["CorLoc VOC2012"]),
    # 9 + 9 rows side by side; MoCoV2, Leopart and Ours are in both halves.
    "flowdino_table4": (15, ["mIoU COCO-Stuff27", "mIoU VOC2012"]),
    "flowdino_table5": (11, ["mIoU VOC2012"]),
    "flowdino_table6": (5, ["mIoU VOC2012", "mIoU COCO-Stuff27", "top1 ImageNet-1k"]),
    # 2 rows of 4 backbones each; a row of ours is a run.
    "flowdino_table7": (8, ["top1 ImageNet-1k"]),
    "timet_table1a": (4, VOC),
    "timet_table1b": (4, VOC),
    "timet_table1c": (4, VOC),
    "timet_table2": (4, VOC),
    # 4 rows, before and after side by side; a row of ours is a run.
    "timet_table3": (8, ["mIoU_cluster_K500 VOC2012", "mIoU_linear VOC2012"]),
    "timet_table4": (
        8,
        [
            f"mIoU {dataset} ({task}, {unit}, K {k})"
            for task, dataset, number in (
                ("clustering", "YouTube-VOS", "GT"),
                ("clustering", "DAVIS2017", "GT"),
                ("overclustering", "YouTube-VOS", "500"),
                ("overclustering", "DAVIS2017", "200"),
            )
            for unit, k in (
                ("frame", "GT" if task == "clustering" else "10"),
                ("clip", "GT" if task == "clustering" else "10"),
                ("dataset", number),
            )
        ],
    ),
    "timet_table5": (12, [*VOC[1:], VOC[0], "mIoU_fcn VOC2012"]),
    "timet_table6": (4, ["J VOC2012", "J DAVIS2017", "J YouTube-VOS"]),
    "timet_table7": (3, ["mIoU VISOR (frame)", "mIoU VISOR (clip)"]),
    "timet_table8": (12, ["mIoU VOC2012"]),
    "timet_table9": (3, [f"mIoU DAVIS2017 ({unit})" for unit in ("frame", "clip", "dataset")]),
    "timet_table10": (4, ["mIoU VOC2012"]),
    # Printed the other way round: a row an interval, a column a propagator.
    "timet_table11": (
        3,
        [f"propagation_score DAVIS2017 ({s} s)" for s in ("0.1", "0.2", "0.4", "0.8")],
    ),
}
"""Numbers of rows and columns, counted in the papers; gains in brackets are no columns."""


def _metrics(name: str) -> list[str]:
    file = resources.files("commonfate.published") / f"tables/{name}.csv"
    cells = csv.DictReader(file.read_text().splitlines())
    metrics = dict.fromkeys(cell["metric"] for cell in cells)
    return [metric for metric in metrics if not metric.endswith("_gain")]


def test_all_tables_of_both_papers_are_there() -> None:
    of_both = [name for name in published.names() if name.startswith(("flowdino", "timet"))]
    assert sorted(PRINTED) == of_both
    assert len(of_both) == 20


@pytest.mark.parametrize("name", PRINTED)
def test_rows_and_columns_are_those_of_the_paper(name: str) -> None:
    rows = published.rows([name], _metrics(name))
    count, columns = PRINTED[name]
    assert len(rows) == count
    assert list(published.headings(rows.values()).values()) == columns


def test_a_row_has_a_number_in_each_column_of_table_4() -> None:
    rows = published.rows(["timet_table4"], ["mIoU"])
    assert [len(row.values) for row in rows.values()] == [12] * 8
    ours = rows["TimeT (ours)"]
    settings = {"task": "overclustering", "protocol": "dataset"}
    assert ours.value("mIoU", "YouTube-VOS", settings).text == "15.8"
    assert ours.value("mIoU", "DAVIS2017", settings | {"K": "200"}).text == "31.8"
    assert ours.value("mIoU", "DAVIS2017", settings | {"K": "10"}) is None
    assert ours.value("mIoU", "DAVIS2017", {"protocol": "frame"}) is None  # K = GT and K = 10
    texts = ("clustering", "frame", "GT", "4")
    first = Key("mIoU", "YouTube-VOS", tuple(zip(COLUMNS, texts, strict=True)))
    assert ours.values[first].text == "52.5"


COLUMNS = ("task", "protocol", "K", "clip_length")


def test_rows_keep_what_describes_a_method() -> None:
    labels = list(published.rows(["timet_table3"], ["mIoU_linear"]))
    assert labels[:2] == ["MSN ViT-S/16 (at init)", "MSN ViT-S/16 (+TimeT)"]
    assert list(published.rows(["timet_table10"], ["mIoU"])) == ["K=150", "DINO", "+TimeT", "+CBFE"]
    labels = list(published.rows(["flowdino_table7"], ["top1"]))
    assert labels[0] == "Baseline (ViT-S16)"


def test_printed_deviations_are_kept() -> None:
    rows = published.rows(["flowdino_table5"], ["mIoU"])
    value = rows["Ours ViT-S16"].value("mIoU", "VOC2012")
    assert (value.text, value.std, value.shown) == ("35.35", "2.2", "35.35 ± 2.2")
    assert published.origin(rows["Ours ViT-S16"], value)["printed"] == "35.35 ± 2.2"
    plain = rows["MaskContrast"].value("mIoU", "VOC2012")
    assert (plain.std, plain.shown) == ("", "35")
    deviations = [value.std for row in rows.values() for value in row.values.values() if value.std]
    assert deviations == ["2.7", "3.8", "1.18", "1.15", "1.6", "2.2"]


def test_errata_are_applied() -> None:
    dino = published.rows(["timet_table6"], ["J"])["DINO"]
    assert dino.variant["protocol"] == ""
    assert "attention maps" in dino.remarks[0]
    flow = published.rows(["timet_table11"], ["propagation_score"])["Flow"]
    assert "Farneback" in "; ".join(flow.remarks)


@pytest.mark.parametrize(
    ("metric", "settings", "images"),
    [
        ("CorLoc", {}, 11540),
        ("mIoU", {"protocol": "linear probe"}, 1449),
        ("mIoU", {"protocol": "cluster probe"}, 2913),
    ],
)
def test_metric_and_protocol_say_which_images_of_voc_are_scored(
    metric: str, settings: dict[str, str], images: int
) -> None:
    scored = benchmarks.of("VOC2012", "FlowDINO", metric, settings)
    assert scored is not None
    assert scored.frames == images


def test_without_its_protocol_a_metric_is_of_no_benchmark() -> None:
    assert benchmarks.of("VOC2012", "FlowDINO", "mIoU") is None
    assert benchmarks.of("VOC2012", "AMD", "mIoU").frames == 1449
    clip = benchmarks.of("DAVIS2017", "TimeT", "mIoU", {"protocol": "clip", "K": "GT"})
    assert clip.average == "clip"


def test_every_column_of_the_feature_tables_is_of_a_benchmark() -> None:
    for name in PRINTED:
        rows = published.rows([name], _metrics(name)).values()
        for row in rows:
            for key in row.values:
                assert benchmarks.of(key.dataset, row.paper, key.metric, dict(key.settings)), key
