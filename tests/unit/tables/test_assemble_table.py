"""Result tables from fake evaluations: rows, columns, what is compared and what is not."""

import json
import re
from pathlib import Path

import pytest

from commonfate.errors import StoreError, UserError
from commonfate.tables.assemble import assemble

GWM = "Guess What Moves (U-Net)"
BEST = "Guess What Moves (U-Net), best checkpoint"
FLOW = "Residual flow, thresholded"
KMEANS = "K-means on image features"
VIDEOS = ["sprite_0000", "sprite_0001"]
FULL = [f"sequence{number:02d}" for number in range(20)]
MORE = 1376 - 2 * 20  # annotated frames of DAVIS 2016 that the fake protocol does not score


def _davis(protocol: str = "davis") -> dict:
    """Changes that make the table of a benchmark that the papers have, too."""
    benchmark = {"dataset": "real", "protocol": protocol, "published_as": "DAVIS2016"}
    return {
        "datasets": {"real": {"adapter": "folder", "root": "."}},
        "benchmarks": {"davis2016": benchmark},
        "tables": {"table1": {"benchmarks": ["davis2016"], "flow": "dis"}},
        "flow_quality": {},
    }


def _rows(results) -> dict[str, dict[str, str]]:
    return {row["method"]: row for row in assemble(results.plan, "table1").rows}


def test_measured_rows_come_first_then_the_papers(results) -> None:
    table = assemble(results(VIDEOS).plan, "table1")
    sources = [row["source"] for row in table.rows]
    assert sources == ["measured"] * 4 + ["published"] * 15
    assert [row["method"] for row in table.of("measured")] == [GWM, BEST, FLOW, KMEANS]


def test_a_measured_row_says_what_was_run(results) -> None:
    rows = _rows(results(VIDEOS, seed=3))
    assert rows[GWM] == {
        "method": GWM,
        "source": "measured",
        "scale": "demo",
        "RGB at inference": "yes",
        "flow at inference": "no",
        "input resolution": "128x224",
        "flow source": "dis",
        "features": "pixels",
        "post-processing": "no",
        "checkpoint": "last",
        "seed": "3",
        "runtime (seconds per frame)": "0.0123",
        "device": "cpu (test)",
        "J sprites unsupervised": "61.0",
        "J sprites oracle": "71.0",
    }
    assert rows[BEST]["checkpoint"] == "best (saw ground truth)"
    assert (rows[FLOW]["RGB at inference"], rows[FLOW]["flow at inference"]) == ("no", "yes")
    assert (rows[FLOW]["flow source"], rows[KMEANS]["flow source"]) == ("dis", "none")
    assert (rows[FLOW]["checkpoint"], rows[KMEANS]["seed"]) == ("none", "0")


def test_a_published_row_keeps_the_printed_digits(results) -> None:
    assert _rows(results(VIDEOS))["Ours (w/ CRF)"] == {
        "method": "Ours (w/ CRF)",
        "source": "published",
        "RGB at inference": "yes",
        "flow at inference": "no",
        "input resolution": "128x224",
        "flow source": "RAFT",
        "post-processing": "yes",
        "runtime (seconds per frame)": "3.73",
        "J DAVIS2016": "80.7",
        "J SegTrackv2": "78.9",
        "J FBMS59": "78.4",
    }


def test_the_whole_published_benchmark_is_compared(results) -> None:
    table = assemble(results(FULL, excluded=MORE, **_davis()).plan, "table1")
    row = table.rows[0]
    assert row["J davis2016 oracle"] == "71.0"
    assert row["J davis2016 oracle: difference to published"] == "-7.3"  # 71.0 - 78.3
    assert row["J davis2016 unsupervised: difference to published"] == "-17.3"
    other = next(row for row in table.rows if row["method"] == KMEANS)
    assert not any("difference" in column for column in other)  # no row of the paper's to compare
    assert any(note.startswith("A difference is measured minus published") for note in table.notes)


def test_a_difference_names_both_of_its_numbers(results) -> None:
    table = assemble(results(FULL, excluded=MORE, **_davis()).plan, "table1")
    column = "J davis2016 oracle: difference to published"
    (cell,) = [one for one in table.cells if (one["row"], one["column"]) == (GWM, column)]
    assert cell["minus"]["paper_row"] == "Ours (UNet)"
    assert cell["minus"]["printed"] == "78.3"
    assert cell["evaluations"] == [
        "results/evaluations/gwm-unet-quadratic-k4-dis-real-s0/davis2016/davis.oracle.last.json"
    ]


def test_a_part_of_a_published_benchmark_says_so_and_is_not_compared(results) -> None:
    table = assemble(results(FULL[:8], **_davis()).plan, "table1")
    assert table.rows[0]["J davis2016 (8 of 20 sequences) oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)
    assert "J davis2016 oracle" not in table.columns
    reason = "published numbers: it is not the whole of DAVIS2016 (8 of 20 sequences)."
    assert any(note.endswith(reason) for note in table.notes)


def test_shortened_sequences_are_not_compared_either(results) -> None:
    table = assemble(results(FULL, excluded=MORE - 1, **_davis()).plan, "table1")
    assert table.rows[0]["J davis2016 (1375 of 1376 frames) oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)


def test_another_mean_than_the_papers_is_not_compared(results) -> None:
    table = assemble(results(FULL, excluded=MORE, **_davis("frame_average")).plan, "table1")
    assert table.rows[0]["J davis2016 oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)
    assert any("the published mean is over every sequence." in note for note in table.notes)


def test_embedded_data_stay_out_of_the_papers_columns(results) -> None:
    table = assemble(results(VIDEOS).plan, "table1")
    scores = table.columns[13:]
    assert scores == [
        "J sprites unsupervised",
        "J sprites oracle",
        "J DAVIS2016",
        "J SegTrackv2",
        "J FBMS59",
    ]
    for row in table.of("measured"):
        assert not set(scores[2:]) & row.keys()
    assert any("it is no published benchmark" in note for note in table.notes)


def test_notes_tell_scale_seed_protocol_and_choice_of_foreground(results) -> None:
    notes = assemble(results(VIDEOS).plan, "table1").notes
    assert notes[0] == "Measured at scale demo, seed 0; flow source dis (estimator dis)."
    assert notes[1].startswith("sprites: 2 sequences, 4 frames of data set sprites, split all; ")
    assert "Protocol davis: " in notes[1]
    assert [note.partition(":")[0] for note in notes[2:4]] == ["unsupervised", "oracle"]
    assert "0 of 2 videos left out." in notes
    assert any(note.startswith("Published rows: Guess What Moves") for note in notes)


def test_notes_tell_what_a_trained_run_does_otherwise_than_the_paper(results) -> None:
    notes = assemble(results(VIDEOS).plan, "table1").notes
    (departures,) = [note for note in notes if "differs from the paper in" in note]
    assert departures.startswith("gwm-unet-quadratic-k4-dis-sprites-s0 ")
    assert "normalise_flow=true" in departures
    assert "learning_rate" not in departures


def test_left_out_videos_are_counted_and_named(results) -> None:
    table = assemble(results(VIDEOS, {"sprite_0002": "truncated"}).plan, "table1")
    assert "1 of 3 videos left out (sprites/sprite_0002: truncated)." in table.notes
    assert table.left_out == [
        {
            "dataset": "sprites",
            "video": "sprite_0002",
            "source": "results/datasets/sprites/videos/sprite_0002.mp4",
            "reason": "truncated",
        }
    ]


def test_videos_that_could_not_be_scored_are_left_out_too(results) -> None:
    made = results(VIDEOS)
    path = made.scores(KMEANS)
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "left_out": {"sprite_0001": "has no annotations"}}))
    table = assemble(made.plan, "table1")
    assert [one["reason"] for one in table.left_out] == ["has no annotations"]
    assert table.videos == 2


def test_every_number_has_its_origin(results) -> None:
    table = assemble(results(VIDEOS).plan, "table1")
    numbers = {
        (row["method"], column)
        for row in table.rows
        for column in row
        if column.startswith(("J ", "runtime"))
    }
    assert {(cell["row"], cell["column"]) for cell in table.cells} == numbers
    for cell in table.cells:
        row = next(row for row in table.rows if row["method"] == cell["row"])
        assert row[cell["column"]] == cell["value"]


def test_a_missing_evaluation_names_the_command_that_makes_it(results) -> None:
    made = results(VIDEOS)
    path = made.scores(KMEANS)
    path.unlink()
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: missing; make it with: snakem"):
        assemble(made.plan, "table1")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"J": 0.5}', "\udcff"])
def test_a_damaged_evaluation_is_named(results, text: str) -> None:
    made = results(VIDEOS)
    path = made.scores(KMEANS)
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(StoreError, match=rf"^{re.escape(str(path))}: .*; delete it and run "):
        assemble(made.plan, "table1")


def test_scores_of_different_frames_do_not_share_a_column(results) -> None:
    made = results(VIDEOS)
    path = made.scores(KMEANS)
    facts = json.loads(path.read_text())
    del facts["sequences"]["sprite_0001"]
    path.write_text(json.dumps(facts))
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: scored on other frames than "):
        assemble(made.plan, "table1")


def test_a_missing_manifest_stops_the_table(results) -> None:
    made = results(VIDEOS)
    Path("results/videos/sprites/manifest.parquet").unlink()
    with pytest.raises(StoreError, match=r"^results/videos/sprites/manifest.parquet: is not there"):
        assemble(made.plan, "table1")
