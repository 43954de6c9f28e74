"""The papers' numbers as the package reads them."""

import csv
from importlib import resources

import pytest

from commonfate.errors import ConfigError
from commonfate.tables import published


def test_table_1_of_guess_what_moves_as_printed() -> None:
    rows = published.rows("gwm_table1", "J")
    assert len(rows) == 15
    ours = rows["Ours (UNet)"]
    texts = {dataset: value.text for dataset, value in ours.values.items()}
    assert texts == {"DAVIS2016": "78.3", "SegTrackv2": "76.8", "FBMS59": "72.0"}
    assert ours.variant["inf_input_flow"] == "0"
    assert ours.runtime.text == "0.027"


def test_seconds_a_frame_are_preferred_to_those_of_a_video() -> None:
    whole_video = published.rows("gwm_table1", "J")["DS"]
    assert whole_video.of_all["runtime"].text == "1800"
    assert whole_video.runtime.text == "22.5"


def test_remarks_are_told_once() -> None:
    remarks = published.rows("gwm_table1", "J")["DyStaB"].remarks
    assert remarks == ["dagger: post-processing", "star: supervised pre-training"]


def test_rows_of_equal_label_are_told_apart() -> None:
    rows = published.rows("gwm_table2", "J")
    assert rows["Quadratic (Eq. (2)) (block n_components, K 3)"].values["DAVIS2016"].text == "77.8"
    assert rows["Constant (A = 0)"].values["DAVIS2016"].text == "76.8"


def test_origin_names_the_line() -> None:
    row = published.rows("gwm_table1", "J")["Ours (UNet)"]
    origin = published.origin("gwm_table1", row, row.values["DAVIS2016"])
    file = resources.files("commonfate.tables") / "published/gwm_table1.csv"
    line = int(origin["transcription"].rpartition(" ")[2])
    assert "Ours (UNet)" in file.read_text().splitlines()[line - 1]
    assert origin["printed"] == "78.3"
    assert "BMVC 2022" in origin["paper"]


@pytest.mark.parametrize("name", published.names())
def test_every_number_of_every_table_is_found(name: str) -> None:
    file = resources.files("commonfate.tables") / f"published/{name}.csv"
    cells = list(csv.DictReader(file.read_text().splitlines()))
    metrics = {cell["metric"] for cell in cells}
    found = [row for metric in metrics for row in published.rows(name, metric).values()]
    assert sum(len(row.values) for row in found) == len(cells)


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
    rows = published.rows(table, "J_mean").values()
    without_crf = {row.label: row for row in rows if row.variant["crf"] == "0"}
    averages = [label for label in without_crf if label.endswith(("Average", "Avg."))]
    assert len(without_crf) - len(averages) == published.BENCHMARKS[dataset].sequences
    table_1 = published.rows("gwm_table1", "J")["Ours (MaskFormer)"]
    assert without_crf[mean].values[dataset].text == table_1.values[dataset].text
    over_frames = mean == "Frame Avg."
    assert published.BENCHMARKS[dataset].average == ("frame" if over_frames else "sequence")


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'gwm_tabel1' is unknown; did you mean gwm_table1\?"):
        published.rows("gwm_tabel1", "J")


def test_an_unknown_metric_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"gwm_table7: metric 'mIoU' is unknown. Known: J$"):
        published.rows("gwm_table7", "mIoU")
