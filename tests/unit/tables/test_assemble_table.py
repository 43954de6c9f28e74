"""Comparisons from fake evaluations: rows, columns, what is compared and what is not."""

import json
import re
from pathlib import Path

import pytest

from commonfate.base.errors import StoreError, UserError
from commonfate.prediction import crf
from commonfate.tables.assemble import assemble

UNET, CRF, FLOW = "U-Net", "MaskFormer, CRF", "Flow alone"
VIDEOS = ["sprite_0000", "sprite_0001"]
FULL = [f"sequence{number:02d}" for number in range(20)]
MORE = 1376 - 2 * 20  # annotated frames of DAVIS 2016 that the fake protocol does not score
COLUMN = "J davis2016 released: difference to published"


def _real(**benchmark) -> dict:
    """Changes that make the table of a benchmark that the papers have, too."""
    benchmark = {"dataset": "real", "published_as": "DAVIS2016", **benchmark}
    return {
        "datasets": {"real": {"adapter": "davis", "root": "."}},
        "benchmarks": {"davis2016": benchmark},
        "tables": {"table1": {"benchmarks": ["davis2016"], "flow": "dis"}},
    }


def _rows(results) -> dict[str, dict[str, str]]:
    return {row["method"]: row for row in assemble(results.plan, "table1").rows}


def test_measured_rows_come_first_then_the_papers_then_its_code(results) -> None:
    table = assemble(results(VIDEOS).plan, "table1")
    sources = [row["source"] for row in table.rows]
    assert sources == ["measured"] * 3 + ["published"] * 15 + ["published code"]
    assert [row["method"] for row in table.of("measured")] == [UNET, CRF, FLOW]
    assert table.breaks == [3]


def test_a_measured_row_says_what_was_run(results) -> None:
    rows = _rows(results(VIDEOS, seeds=[3]))
    assert rows[UNET] == {
        "method": UNET,
        "source": "measured",
        "scale": "demo",
        "network": "U-Net, from scratch",
        "K": "4",
        "flow model": "quadratic",
        "RGB at inference": "yes",
        "flow at inference": "no",
        "input resolution": "128x224",
        "learns from": "flow",
        "flow source": "dis",
        "pre-training": "none",
        "features": "pixels",
        "adaptation": "none",
        "post-processing": "none",
        "seed": "3",
        "runtime (seconds per frame)": "0.0123",
        "device": "cpu (test)",
        "J sprites leak_free": "61.0",
        "J sprites oracle": "71.0",
        "J sprites released": "74.0",  # of the best checkpoint
    }
    assert (rows[CRF]["post-processing"], rows[CRF]["J sprites leak_free"]) == ("CRF", "57.0")
    assert (rows[FLOW]["RGB at inference"], rows[FLOW]["flow at inference"]) == ("no", "yes")
    assert (rows[FLOW]["flow source"], rows[FLOW]["seed"], rows[FLOW]["K"]) == (
        "dis",
        "none",
        "none",
    )
    assert rows[FLOW]["J sprites released"] == rows[FLOW]["J sprites oracle"] == "52.0"


def test_adaptation_and_the_flow_of_a_role_are_told(results) -> None:
    row = {"label": "20 steps", "method": "gwm", "flow": "raft", "adapt": 20}
    created = results(VIDEOS, declared={"rows": [row]}, flow_roles={"raft": "truth"})
    shown = _rows(created)["20 steps"]
    assert (shown["adaptation"], shown["flow source"]) == ("20 steps", "truth (as raft)")
    (note,) = [n for n in assemble(created.plan, "table1").notes if n.startswith("Flow source")]
    assert note == "Flow source truth: estimator truth; it stands for raft at this scale."


def test_fewer_steps_of_adaptation_than_the_paper_takes_are_told(results) -> None:
    row = {"label": "per video", "method": "gwm", "adapt": 20}
    table = {"benchmarks": ["sprites"], "flow": "dis", "rows": {"per video": {"adapt": 5}}}
    created = results(VIDEOS, declared={"rows": [row]}, tables={"table1": table})
    assert _rows(created)["per video"]["adaptation"] == "5 steps"
    notes = assemble(created.plan, "table1").notes
    assert any("per video: 5 steps (the paper: 20)" in note for note in notes)


def test_columns_that_say_nothing_are_left_out(results) -> None:
    columns = assemble(results(VIDEOS).plan, "table1").columns
    assert "adaptation" not in columns
    alone = {"rows": [{"label": FLOW, "method": "residual_flow"}], "published": None}
    columns = assemble(results(VIDEOS, declared=alone).plan, "table1").columns
    assert not {"K", "flow model", "post-processing"} & set(columns)
    assert columns[:3] == ["method", "source", "scale"]
    assert "seed" in columns


def test_a_published_row_keeps_the_printed_digits(results) -> None:
    assert _rows(results(VIDEOS))["Ours (w/ CRF)"] == {
        "method": "Ours (w/ CRF)",
        "source": "published",
        "RGB at inference": "yes",
        "flow at inference": "no",
        "input resolution": "128x224",
        "flow source": "RAFT",
        "post-processing": "CRF or more",
        "runtime (seconds per frame)": "3.73",
        "J DAVIS2016": "80.7",
        "J SegTrackv2": "78.9",
        "J FBMS59": "78.4",
    }


def test_published_variants_have_their_columns(results) -> None:
    sources = ["gwm_table2", "gwm_table4", "gwm_table5", "gwm_table6"]
    declared = {"rows": [{"label": UNET, "method": "gwm"}]}
    shown = {}
    for source in sources:
        created = results(VIDEOS, declared=declared | {"published": {"tables": [source]}})
        shown |= _rows(created)
    quadratic = shown["Quadratic (Eq. (2)) (K 3)"]
    assert (quadratic["flow model"], quadratic["K"]) == ("quadratic", "3")
    assert shown["Ours (20 steps) (RAFT)"]["adaptation"] == "20 steps"
    assert shown["Ours (Zero shot) (RAFT)"]["adaptation"] == "none"
    assert shown["SWIN-tiny / ImageNet MOBY"]["network"] == "SWIN-tiny, ImageNet MOBY"
    assert (shown["K-Means (K 4)"]["features"], shown["K-Means (K 4)"]["K"]) == ("DINO", "4")


def test_all_metrics_of_a_benchmark_are_shown(results) -> None:
    metrics = ["J", "Acc", "maxF_beta"]
    benchmarks = {"sprites": {"dataset": "sprites", "metrics": metrics}}
    declared = {"scorings": ["leak_free", "released"], "published": None}
    created = results(VIDEOS, declared=declared, benchmarks=benchmarks)
    # The fake scores have no maxF_beta, as where there is no soft foreground.
    assert assemble(created.plan, "table1").scores == [
        "J sprites leak_free",
        "J sprites released",
        "Acc sprites leak_free",
        "Acc sprites released",
    ]
    assert _rows(created)[UNET]["Acc sprites leak_free"] == "81.0"


def test_the_whole_published_benchmark_is_compared_as_the_authors_scored(results) -> None:
    table = assemble(results(FULL, excluded=MORE, **_real()).plan, "table1")
    row = table.rows[0]
    assert row["J davis2016 released"] == "74.0"
    assert row[COLUMN] == "-4.3"  # 74.0 - 78.3
    assert [column for column in table.columns if "difference" in column] == [COLUMN]
    other = next(row for row in table.rows if row["method"] == FLOW)
    assert COLUMN not in other  # no row of the paper's to compare
    (note,) = [note for note in table.notes if note.startswith("A difference")]
    assert note.startswith("A difference on davis2016 is released minus published")


def test_without_the_released_scoring_the_leak_free_one_is_compared(results) -> None:
    declared = {"scorings": ["leak_free"]}
    created = results(FULL, excluded=MORE, declared=declared, **_real())
    table = assemble(created.plan, "table1")
    assert table.rows[0]["J davis2016 leak_free: difference to published"] == "-17.3"
    (note,) = [note for note in table.notes if note.startswith("A difference")]
    assert "leak_free minus published" in note
    assert "chosen without the ground truth, unlike published" in note


def test_the_oracle_of_components_is_compared_with_the_papers(results) -> None:
    row = {"label": UNET, "method": "gwm", "published": "Quadratic (Eq. (2)) (K 4)"}
    declared = {
        "rows": [row],
        "scorings": ["leak_free", "released", "oracle_components"],
        "published": {"tables": ["gwm_table2"], "metrics": ["J", "J_oracle"]},
    }
    created = results(FULL, excluded=MORE, declared=declared, **_real())
    shown = _rows(created)[UNET]
    assert shown[COLUMN] == "-5.5"  # 74.0 - 79.5
    column = "J davis2016 oracle_components: difference to published"
    assert shown[column] == "-5.5"  # 76.0 - 81.5


def test_images_are_compared_in_their_own_scoring_and_metric_by_metric(results) -> None:
    real = _real(published_as="ECSSD", protocol="frame_average", metrics=["Acc", "J", "F_beta"])
    row = {"label": UNET, "method": "gwm", "published": "Ours"}
    declared = {
        "rows": [row],
        "scorings": ["leak_free", "released_images"],
        "published": {
            "tables": ["gwm_table3", "gwm_notebooks"],
            "metrics": ["Acc", "J", "F_beta", "maxF_beta"],
        },
    }
    more = 1000 - 2 * len(VIDEOS)  # images of ECSSD that the fake protocol does not score
    rows = _rows(results(VIDEOS, excluded=more, declared=declared, **real))
    shown = {key: text for key, text in rows[UNET].items() if key.endswith("published")}
    assert shown == {
        "Acc davis2016 released_images: difference to published": "-2.5",  # 86.0 - 88.5
        "J davis2016 released_images: difference to published": "+9.9",  # 66.0 - 56.1
        "F_beta davis2016 released_images: difference to published": "-3.3",  # 71.0 - 74.3
    }
    code = rows["Authors' checkpoint (image notebook)"]
    assert (code["source"], code["maxF_beta CUB-200-2011"]) == ("published code", "81.07")
    assert "Authors' checkpoints (video notebook)" not in rows


def test_a_difference_names_both_of_its_numbers(results) -> None:
    table = assemble(results(FULL, excluded=MORE, **_real()).plan, "table1")
    (cell,) = [item for item in table.cells if (item["row"], item["column"]) == (UNET, COLUMN)]
    assert cell["minus"]["paper_row"] == "Ours (UNet)"
    assert cell["minus"]["printed"] == "78.3"
    assert cell["evaluations"] == [
        "results/evaluations/gwm-unet-quadratic-k4-dis-real-s0/davis2016/davis.oracle.best.json"
    ]
    assert (cell["scoring"], cell["predictions"]) == ("released", "best")


def test_a_part_of_a_published_benchmark_says_so_and_is_not_compared(results) -> None:
    table = assemble(results(FULL[:8], **_real()).plan, "table1")
    assert table.rows[0]["J davis2016 (8 of 20 sequences) oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)
    assert "J davis2016 oracle" not in table.columns
    reason = "published ones: it is not the whole of DAVIS2016 (8 of 20 sequences)."
    assert any(note.endswith(reason) for note in table.notes)


def test_shortened_sequences_are_not_compared_either(results) -> None:
    table = assemble(results(FULL, excluded=MORE - 1, **_real()).plan, "table1")
    assert table.rows[0]["J davis2016 (1375 of 1376 frames) oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)


def test_another_mean_than_the_papers_is_not_compared(results) -> None:
    created = results(FULL, excluded=MORE, **_real(protocol="frame_average"))
    table = assemble(created.plan, "table1")
    assert table.rows[0]["J davis2016 oracle"] == "71.0"
    assert not any("difference" in column for column in table.columns)
    assert any("the published mean is over every sequence." in note for note in table.notes)


def test_embedded_data_stay_out_of_the_papers_columns(results) -> None:
    table = assemble(results(VIDEOS).plan, "table1")
    assert table.scores == [
        "J sprites leak_free",
        "J sprites oracle",
        "J sprites released",
        "J DAVIS2016",
        "J SegTrackv2",
        "J FBMS59",
    ]
    for row in table.of("measured"):
        assert not set(table.scores[3:]) & row.keys()
    assert any("it is no published benchmark" in note for note in table.notes)


def test_notes_tell_scale_flow_data_and_scorings(results) -> None:
    benchmarks = {"sprites": {"dataset": "sprites", "released_protocol": "davis_released"}}
    notes = assemble(results(VIDEOS, benchmarks=benchmarks).plan, "table1").notes
    assert notes[0].startswith("Measured at scale demo, one seed: 0.")
    assert notes[1] == "Flow source dis: estimator dis."
    assert notes[2].startswith("sprites: 2 sequences, 4 frames of data set sprites, split val; ")
    assert notes[3:6] == [
        "Scoring leak_free: foreground unsupervised, checkpoint last, protocol davis on sprites; "
        "sees no ground truth.",
        "Scoring oracle: foreground oracle, checkpoint last, protocol davis on sprites; the ground "
        "truth chooses the foreground.",
        "Scoring released: foreground oracle, checkpoint best, protocol davis_released on sprites; "
        "the ground truth chooses the foreground and the checkpoint.",
    ]
    explained = [note.partition(":")[0] for note in notes[6:11]]
    assert explained == [
        "Foreground unsupervised",
        "Foreground oracle",
        "Checkpoint best",
        "Protocol davis",
        "Protocol davis_released",
    ]
    assert "0 of 2 videos left out." in notes
    assert any(note.startswith("Rows `published`: Guess What Moves") for note in notes)
    assert any(note.startswith("Rows `published code`: Released code of") for note in notes)


def test_notes_tell_what_a_trained_run_does_otherwise_than_the_paper(results) -> None:
    row = {"label": UNET, "method": "gwm", "settings": {"components": 3}}
    notes = assemble(results(VIDEOS, declared={"rows": [row]}).plan, "table1").notes
    (departures,) = [note for note in notes if note.startswith("Settings other than")]
    assert departures == (
        "Settings other than the defaults, which are the paper's, in U-Net: normalise_flow=true, "
        "merge.features=network, width=16."
    )


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
    created = results(VIDEOS)
    created.edit(FLOW, left_out={"sprite_0001": "has no annotations"})
    table = assemble(created.plan, "table1")
    assert [item["reason"] for item in table.left_out] == ["has no annotations"]
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
    created = results(VIDEOS)
    path = created.scores(FLOW)
    path.unlink()
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: missing; make it with: snakem"):
        assemble(created.plan, "table1")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"J": 0.5}', "\udcff"])
def test_a_damaged_evaluation_is_named(results, text: str) -> None:
    created = results(VIDEOS)
    path = created.scores(FLOW)
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(StoreError, match=rf"^{re.escape(str(path))}: .*; delete it and run "):
        assemble(created.plan, "table1")


def test_scores_of_different_frames_do_not_share_a_column(results) -> None:
    created = results(VIDEOS)
    metadata = json.loads(created.scores(FLOW).read_text())
    del metadata["sequences"]["sprite_0001"]
    path = created.edit(FLOW, sequences=metadata["sequences"])
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: scored on other frames than "):
        assemble(created.plan, "table1")


def test_scorings_of_different_protocols_may_have_different_frames(results) -> None:
    benchmarks = {"sprites": {"dataset": "sprites", "released_protocol": "davis_released"}}
    created = results(VIDEOS, benchmarks=benchmarks)
    for label in (UNET, CRF, FLOW):
        metadata = json.loads(created.scores(label, "released").read_text())
        for sequence in metadata["sequences"].values():
            del sequence["frames"]["00000"]
        created.edit(label, "released", sequences=metadata["sequences"])
    assert _rows(created)[UNET]["J sprites released"] == "74.0"


def test_a_missing_manifest_stops_the_table(results) -> None:
    created = results(VIDEOS)
    Path("results/videos/sprites/manifest.parquet").unlink()
    with pytest.raises(StoreError, match=r"^results/videos/sprites/manifest.parquet: is not there"):
        assemble(created.plan, "table1")


def test_rows_that_are_left_out_are_a_note(results, monkeypatch):
    monkeypatch.setattr(crf, "is_installed", lambda: False)
    table = assemble(results(VIDEOS).plan, "table1")
    assert [row["method"] for row in table.of("measured")] == [UNET, FLOW]
    (note,) = [note for note in table.notes if note.startswith("Left out of table1")]
    assert f"'{CRF}'" in note and "pydensecrf2" in note
