"""Scores of a tiny benchmark, by hand."""

import json

import numpy as np
import pytest
from PIL import Image

from commonfate.errors import ConfigError, StoreError
from commonfate.evaluation import benchmark, foreground, protocols, score
from commonfate.evaluation.predictions import Predictions

TRUTH = np.zeros((8, 12), bool)
TRUTH[2:6, 4:8] = True
# J of the middle group: 8 of 16 pixels found and nothing else.
HALF = TRUTH & (np.arange(12) < 6)


def groups(video, t):
    """`cat` is found in every frame; `dog` half in frame 0, then fully, and not at all at last."""
    if video == "cat":
        return TRUTH
    return {0: HALF, 3: np.zeros_like(TRUTH)}.get(t, TRUTH)


@pytest.fixture
def evaluate(manifest, predict, tmp_path):
    path = predict(groups)

    def run(protocol="davis", rule="unsupervised"):
        opened = Predictions.open(path)
        chosen = protocols.get(protocol), foreground.get(rule)
        return score.evaluate(opened, manifest, *chosen, tmp_path / "out" / "a.b.json")

    return run


def test_scores_by_sequence(evaluate, tmp_path):
    scores = evaluate()
    assert scores["sequences"]["cat"]["frames"] == {"00000": 1.0, "00001": 1.0, "00002": 1.0}
    dog = scores["sequences"]["dog"]
    assert dog["frames"] == {"00000": 0.5, "00001": 1.0, "00002": 1.0, "00003": 0.0}
    assert (dog["J_mean"], dog["J_recall"]) == (0.625, 0.5)  # 0.5 itself is not recalled
    assert dog["J_decay"] == 0.25  # (0.5 + 1) / 2 - (1 + 0) / 2
    assert scores["J"] == pytest.approx((1 + 0.625) / 2)
    assert (scores["n_sequences"], scores["n_frames"]) == (2, 7)
    assert json.loads((tmp_path / "out" / "a.b.json").read_text()) == scores


def test_what_is_said_of_the_scores(evaluate):
    scores = evaluate()
    assert scores["left_out"] == {"eel": "empty file"}
    assert (scores["protocol"], scores["average"]) == ("davis", "sequence")
    assert scores["foreground"] == "unsupervised"
    assert scores["foreground_looks_at_ground_truth"] is False
    assert scores["seconds_per_frame"]["median"] == 0.1
    assert [scores[key] for key in ("run", "method", "checkpoint")] == ["gwm-test", "gwm", "last"]
    inputs = scores["provenance"]["inputs"]
    assert {path.rpartition("/")[2] for path in inputs} == {"predictions.json", "manifest.parquet"}


def test_a_protocol_leaves_frames_out(evaluate):
    scores = evaluate("davis_official")
    assert list(scores["sequences"]["dog"]["frames"]) == ["00001", "00002"]
    assert scores["excluded_frames"] == {"cat": [0, 2], "dog": [0, 3]}
    assert scores["J"] == 1.0


def test_a_sequence_without_scored_frames_is_left_out(evaluate):
    scores = evaluate("davis_released")  # of cat's three frames 0 and 1 and the last fall away
    assert list(scores["sequences"]) == ["dog"] and scores["n_sequences"] == 1
    assert scores["left_out"]["cat"] == "protocol davis_released scores none of its frames"
    assert scores["excluded_frames"]["cat"] == [0, 1, 2]


def test_frame_average(evaluate):
    assert evaluate("frame_average")["J"] == pytest.approx(5.5 / 7)


def test_the_oracle_sees_the_truth(evaluate):
    # In dog's last frame there is only group 0, which covers the image: J is 16 / 96.
    scores = evaluate(rule="oracle")
    assert scores["sequences"]["dog"]["frames"]["00003"] == pytest.approx(1 / 6)
    assert scores["foreground_looks_at_ground_truth"] is True


def test_masks_of_every_frame_are_kept(evaluate, tmp_path):
    evaluate("davis_official")
    masks = sorted((tmp_path / "out" / "a.b").rglob("*.png"))
    assert len(masks) == 7
    with Image.open(tmp_path / "out" / "a.b" / "dog" / "00000.png") as image:
        np.testing.assert_array_equal(np.asarray(image), HALF * 255)


def test_equal_inputs_give_equal_scores(evaluate):
    first, second = evaluate(), evaluate()
    first.pop("provenance"), second.pop("provenance")
    assert first == second


def test_somebody_elses_folder_is_not_replaced(evaluate, tmp_path):
    kept = tmp_path / "out" / "a.b" / "thesis.tex"
    kept.parent.mkdir(parents=True)
    kept.write_text("years of work")
    with pytest.raises(ConfigError, match=r"out/a.b: is there already and would be replaced"):
        evaluate()
    assert kept.read_text() == "years of work"


def test_protocol_that_scores_nothing(manifest):
    task = benchmark.read(manifest, "val")
    values = {video.name: dict.fromkeys(video.annotations, 1.0) for video in task.videos}
    nothing = protocols.Protocol("none", "", "frame", lambda annotated, frames: [])
    with pytest.raises(StoreError, match="protocol none scores no annotated frame of cat, dog"):
        score.select(nothing, task, values)
