"""The sheet of an evaluation: its rows, and what their pictures show."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.evaluation import protocols
from commonfate.evaluation.masks import foreground, score
from commonfate.evaluation.sheets import pictures, sheet
from commonfate.prediction import benchmark
from commonfate.prediction.predictions import Predictions


class Frames:
    """Frames of a single grey."""

    def read(self, video, t):
        return np.full((16, 24, 3), 200, np.uint8)


class Flow:
    """Flow of three pixels to the right; the last frame has none."""

    def read(self, video, t):
        if t == 3:
            raise StoreError("no flow")
        return np.stack([np.full((16, 24), 3, np.float32), np.zeros((16, 24), np.float32)]), 1


def square_mask():
    """(8, 12) bool, the same as the ground truth of the fixture."""
    mask = np.zeros((8, 12), bool)
    mask[2:6, 4:8] = True
    return mask


@pytest.fixture
def evaluated(manifest, predict, tmp_path):
    """Scores where `dog` is right and `cat` empty, and the arguments of `of_evaluation`."""
    opened = Predictions.open(predict(lambda video, t: square_mask() & (video == "dog")))
    rules = protocols.get("davis"), foreground.get("unsupervised")
    scores = score.evaluate(opened, manifest, *rules, tmp_path / "scores.json")
    videos = benchmark.read(manifest, "val").videos
    return scores, opened, videos, Frames(), tmp_path / "scores"


def test_rows_of_the_best_and_the_worst_sequence(evaluated):
    rows = sheet.of_evaluation(*evaluated)
    assert [(row.group, row.name, row.summary, row.label) for row in rows] == [
        ("Highest J", "dog", "mean J 100.0", "frame 0, J 100.0"),
        ("Highest J", "dog", "mean J 100.0", "frame 2, J 100.0"),
        ("Highest J", "dog", "mean J 100.0", "frame 3, J 100.0"),
        ("Lowest J", "cat", "mean J 0.0", "frame 0, J 0.0"),
        ("Lowest J", "cat", "mean J 0.0", "frame 1, J 0.0"),
        ("Lowest J", "cat", "mean J 0.0", "frame 2, J 0.0"),
    ]
    for row in rows:
        assert list(row.pictures) == ["frame", "2 components", "foreground", "ground truth"]
        assert {picture.shape for picture in row.pictures.values()} == {(299, 448, 3)}


def test_pictures_show_prediction_and_truth(evaluated):
    best, worst = (sheet.of_evaluation(*evaluated)[i].pictures for i in (0, -1))
    middle, corner = (149, 224), (5, 5)
    assert best["foreground"][middle].tolist() == [200, 200, 200]
    assert best["foreground"][corner].tolist() == [90, 90, 90]
    assert worst["foreground"][middle].tolist() == [90, 90, 90]
    assert worst["ground truth"][middle].tolist() == [200, 200, 200]
    assert best["2 components"][middle].tolist() != best["2 components"][corner].tolist()


def test_flow_where_there_is_any(evaluated):
    rows = sheet.of_evaluation(*evaluated, Flow())
    assert list(rows[0].pictures) == [
        *("frame", "flow", "2 components", "foreground", "ground truth")
    ]
    assert rows[0].note == "flow: gap +1, rim 3 px"
    assert rows[0].pictures["flow"][5, 5].tolist() == [255, 0, 0]  # to the right is red
    assert rows[2].note == "no flow"
    assert rows[2].pictures["flow"] is None


def test_central_square(evaluated, monkeypatch):
    scores, opened, *rest = evaluated
    monkeypatch.setitem(opened.metadata, "crop", "square")
    monkeypatch.setattr(
        Predictions, "read", lambda self, segments, video, t, size: np.zeros(size, np.uint8)
    )
    mask = Image.fromarray(np.zeros((8, 8), np.uint8))
    for video, frames in (("cat", 3), ("dog", 4)):
        for t in range(frames):
            mask.save(rest[-1] / video / f"{t:05d}.png")
    row = sheet.of_evaluation(scores, opened, *rest, Flow())[0]
    assert {picture.shape for picture in row.pictures.values()} == {(448, 448, 3)}
    # Four of eight rows and columns are true, from the third of each on.
    true = (row.pictures["ground truth"] == 200).all(-1)
    assert true[224, 224]
    assert not true[224, 50]


def test_drawn_file(evaluated, tmp_path):
    rows = sheet.of_evaluation(*evaluated, Flow())
    sheet.draw(tmp_path / "sheet.png", rows, sheet.caption(evaluated[0]))
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image)
    assert (pixels == (255, 0, 0)).all(-1).sum() > 5 * 200 * 100  # five fields of flow, one blank
    assert (pixels == pictures.TRUE).all(-1).any()


def test_caption_says_what_looked_at_the_ground_truth(evaluated):
    honest = evaluated[0]
    assert sheet.caption(honest, scale="demo").split("\n") == [
        "gwm-test: J 50.0 of 2 sequences, 7 frames",
        "scale demo; split val; protocol davis (mean over sequences); foreground unsupervised; "
        "checkpoint last",
        "no choice was made by looking at the ground truth",
    ]
    looked = honest | {
        "checkpoint": "best",
        "checkpoint_looks_at_ground_truth": True,
        "foreground": "oracle",
        "foreground_looks_at_ground_truth": True,
        "adapt_steps": 20,
        "crf": {"iterations": 10},
    }
    _, options, truth = sheet.caption(looked).split("\n")
    assert options.endswith("foreground oracle; checkpoint best; 20 steps of adaptation; CRF")
    assert truth == "checkpoint and foreground chosen by looking at the ground truth"


def test_caption_of_images(evaluated):
    images = evaluated[0] | {"n_sequences": 7}
    assert sheet.caption(images).split("\n")[0] == "gwm-test: J 50.0 of 7 images"
