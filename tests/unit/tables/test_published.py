"""The papers' numbers as the package reads them."""

import csv
from importlib import resources

import pytest

from commonfate.base.errors import ConfigError
from commonfate.published import rows as published


def _texts(row: published.Row, metric: str) -> dict[str, str]:
    return {key[1]: value.text for key, value in row.values.items() if key[0] == metric}


def test_table_1_of_guess_what_moves_as_printed() -> None:
    rows = published.rows(["gwm_table1"], ["J"])
    assert len(rows) == 15
    ours = rows["Ours (UNet)"]
    assert _texts(ours, "J") == {"DAVIS2016": "78.3", "SegTrackv2": "76.8", "FBMS59": "72.0"}
    assert ours.variant["inf_input_flow"] == "0"
    assert ours.runtime.text == "0.027"
    assert (ours.source, ours.place) == ("published", "Table 1")


def test_seconds_a_frame_are_preferred_to_those_of_a_video() -> None:
    whole_video = published.rows(["gwm_table1"], ["J"])["DS"]
    assert whole_video.of_all["runtime"].text == "1800"
    assert whole_video.runtime.text == "22.5"


def test_remarks_are_told_once() -> None:
    remarks = published.rows(["gwm_table1"], ["J"])["DyStaB"].remarks
    assert remarks == ["dagger: post-processing", "star: supervised pre-training"]


def test_several_metrics_at_once() -> None:
    rows = published.rows(["gwm_table3"], ["Acc", "J", "F_beta", "maxF_beta"])
    ours = rows["Ours"]
    assert len(ours.values) == 12
    assert _texts(ours, "maxF_beta") == {"CUB-200-2011": "80.9"}
    assert _texts(ours, "F_beta") == {"DUTS": "65.6", "ECSSD": "74.3", "DUT-OMRON": "56.3"}
    assert [key.metric for key in rows["AMD"].values] == ["F_beta"]


OURS = {
    "gwm_table1": ["Ours (UNet)", "Ours (MaskFormer)", "Ours (w/ CRF)"],
    "gwm_table2": [
        "Constant (A = 0)",
        "Affine (u = [x, y])",
        "Quadratic (Eq. (2)) (K 4)",
        "Quadratic (Eq. (2)) (K 2)",
        "Quadratic (Eq. (2)) (K 3)",
        "Quadratic (Eq. (2)) (K 5)",
    ],
    "gwm_table4": [
        "AMD (100 steps)",
        "Ours (Zero shot) (ARFlow)",
        "Ours (20 steps) (ARFlow)",
        "EM",
        "Ours (Zero shot) (RAFT)",
        "Ours (20 steps) (RAFT)",
    ],
    "gwm_table6": ["Ours", "Spectral clustering", "K-Means (K 4)", "K-Means (K 2)"],
}


@pytest.mark.parametrize("table", OURS)
def test_labels_tell_rows_apart_by_as_little_as_possible(table: str) -> None:
    result = published.rows([table], ["J"])
    assert [label for label in result if label in OURS[table]] == OURS[table]
    assert table == "gwm_table1" or len(result) == len(OURS[table])


def test_labels_do_not_depend_on_the_metrics() -> None:
    assert set(published.rows(["gwm_table2"], ["J_oracle"])) == set(OURS["gwm_table2"])


def test_what_the_code_prints_joins_in_the_columns_of_the_first_table() -> None:
    videos = published.rows(["gwm_table1", "gwm_notebooks"], ["J"])
    assert len(videos) == 16
    code = videos["Authors' checkpoints (video notebook)"]
    assert _texts(code, "J") == {"DAVIS2016": "79.56", "SegTrackv2": "78.31", "FBMS59": "77.53"}
    assert (code.source, code.place) == ("published code", "eval-vid_segmentation.ipynb")
    metrics = ["Acc", "J", "F_beta", "maxF_beta"]
    images = published.rows(["gwm_table9", "gwm_notebooks"], metrics)
    code = images["Authors' checkpoint (image notebook)"]
    assert [value.text for key, value in code.values.items() if key[1] == "CUB-200-2011"] == [
        "65.34",
        "93.58",
        "81.07",
    ]
    assert len(code.values) == 12
    assert not any("video" in label for label in images)


def test_origin_names_the_line() -> None:
    row = published.rows(["gwm_table1"], ["J"])["Ours (UNet)"]
    origin = published.origin(row, row.values[published.Key("J", "DAVIS2016")])
    file = resources.files("commonfate.published") / "tables/gwm_table1.csv"
    line = int(origin["transcription"].rpartition(" ")[2])
    assert "Ours (UNet)" in file.read_text().splitlines()[line - 1]
    assert (origin["printed"], origin["place"]) == ("78.3", "Table 1")
    assert "BMVC 2022" in origin["paper"]


@pytest.mark.parametrize("name", published.names())
def test_every_number_of_every_table_is_found(name: str) -> None:
    file = resources.files("commonfate.published") / f"tables/{name}.csv"
    cells = list(csv.DictReader(file.read_text().splitlines()))
    metrics = list(dict.fromkeys(cell["metric"] for cell in cells))
    result = published.rows([name], metrics)
    twice = {"gwm_table2": 2}  # J and oracle J of K = 4 are printed in both blocks
    assert sum(len(row.values) for row in result.values()) == len(cells) - twice.get(name, 0)


@pytest.mark.parametrize(
    ("dataset", "table", "mean"),
    [
        ("DAVIS2016", "gwm_table10", "Average"),
        ("SegTrackv2", "gwm_table11", "Frame Avg."),
        ("FBMS59", "gwm_table12", "Frame Avg."),
    ],
)
def test_benchmarks_are_what_the_paper_lists_by_sequence(
    dataset: str, table: str, mean: str
) -> None:
    """Which mean Table 1 has is seen by which of the means per sequence it repeats."""
    rows = published.rows([table], ["J_mean"]).values()
    without_crf = {row.label: row for row in rows if row.variant["crf"] == "0"}
    averages = [label for label in without_crf if label.endswith(("Average", "Avg."))]
    scored = published.BENCHMARKS[dataset]["GWM"][0]
    assert len(without_crf) - len(averages) == scored.sequences
    table_1 = published.rows(["gwm_table1"], ["J"])["Ours (MaskFormer)"]
    assert _texts(without_crf[mean], "J_mean")[dataset] == _texts(table_1, "J")[dataset]
    over_frames = mean == "Frame Avg."
    assert scored.average == ("frame" if over_frames else "sequence")


MAIN_TABLES = {
    "GWM": {"gwm_table1": ["J"], "gwm_table3": ["J"]},
    "AMD": {"amd_table1": ["F_beta", "MAE"], "amd_table2": ["mIoU"], "amd_table3": ["J"]},
    "FlowDINO": {"flowdino_table2": ["CorLoc"], "flowdino_table6": ["mIoU", "top1"]},
    "TimeT": {"timet_table4": ["mIoU"], "timet_table6": ["J"], "timet_table7": ["mIoU"]},
}


@pytest.mark.parametrize("paper", MAIN_TABLES)
def test_every_dataset_of_a_papers_main_tables_is_a_benchmark_of_it(paper: str) -> None:
    tables = MAIN_TABLES[paper].items()
    rows = [row for name, metrics in tables for row in published.rows([name], metrics).values()]
    datasets = {dataset for row in rows for _, dataset, _ in row.values}
    assert datasets == {name for name, papers in published.BENCHMARKS.items() if paper in papers}


def test_rows_of_another_paper_say_so_and_are_not_repeated() -> None:
    rows = published.rows(["gwm_table1", "gwm_notebooks", "amd_table3"], ["J"])
    of_amd = {label: row.source for label, row in rows.items() if row.paper == "AMD"}
    # SAGE, NLC, CUT, FTS and CIS have the same numbers in both; MG is with RAFT there.
    assert list(of_amd) == ["ARP", "MG (AMD)", "AMD (per-img)", "AMD (per-vid)"]
    assert set(of_amd.values()) == {"published (AMD)"}
    assert _texts(rows["MG"], "J")["DAVIS2016"] == "68.3"
    assert _texts(rows["MG (AMD)"], "J")["DAVIS2016"] == "53.2"
    assert rows["SAGE"].source == "published"
    assert published.rows(["amd_table3"], ["J"])["MG"].source == "published"


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'gwm_tabel1' is unknown; did you mean gwm_table1\?"):
        published.rows(["gwm_tabel1"], ["J"])


def test_an_unknown_metric_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"gwm_table7: metric 'mIoU' is unknown. Known: J$"):
        published.rows(["gwm_table7"], ["mIoU"])
