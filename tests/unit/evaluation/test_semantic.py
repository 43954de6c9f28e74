"""Scores of semantic segmentation of a tiny benchmark, by hand."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli.evaluate import command
from commonfate.evaluation import protocols
from commonfate.evaluation.semantic import score as semantic
from commonfate.evaluation.sheets import sheet
from commonfate.prediction import benchmark, maps
from commonfate.prediction.predictions import Predictions

# 96 pixels: 16 of class 2 in the middle, 12 void, 68 of class 0. Class 1 is never true.
TRUTH = np.zeros((8, 12), np.uint8)
TRUTH[2:6, 4:8], TRUTH[0] = 2, 255
HALF = np.where((TRUTH == 2) & (np.arange(12) < 6), 2, 0)


def classes(video, t):
    """All right in `cat`; in `dog` half of the object is found in frame 0, and is 1 in frame 3."""
    if video == "dog" and t in (0, 3):
        return HALF if t == 0 else np.where(TRUTH == 2, 1, 0)
    return np.where(TRUTH == 255, 1, TRUTH)  # what is said of void pixels does not count


@pytest.fixture
def truth(manifest, tmp_path):
    """The manifest, whose annotations are classes."""
    for path in (tmp_path / "truth").rglob("*.png"):
        maps.write_labels(path, TRUTH)
    parquet.write(manifest, parquet.read(manifest).assign(annotation_kind="classes"), {})
    return manifest


@pytest.fixture
def evaluate(truth, predict, tmp_path):
    def run(protocol="frame_average", predicted=classes, count=4, **report):
        path = predict(predicted, count, **{"gives": "classes"} | report)
        opened = Predictions.open(path)
        output = tmp_path / "out" / "a.b.json"
        return semantic.evaluate(opened, truth, protocols.get(protocol), output)

    return run


def test_scores(evaluate, tmp_path):
    scores = evaluate()
    cat, dog = scores["sequences"]["cat"], scores["sequences"]["dog"]
    assert cat["frames"] == {"00000": 1.0, "00001": 1.0, "00002": 1.0}
    # Frame 0: 68 of 76 and 8 of 16; frame 3: 68 of 68, 0 of 16, and 0 of 16 that are said to be 1.
    assert dog["frames"]["00000"] == pytest.approx((68 / 76 + 8 / 16) / 2)
    assert dog["frames"]["00003"] == pytest.approx((1 + 0 + 0) / 3)
    # Over the frames of dog: class 0 272 of 280, class 1 0 of 16, class 2 40 of 64.
    assert dog["metrics"]["mIoU"] == pytest.approx((272 / 280 + 0 + 40 / 64) / 3)
    assert dog["metrics"]["Acc"] == pytest.approx((272 + 40) / 336)
    # And with the 3 * 68 and 3 * 16 pixels of cat.
    each = {"0": 476 / 484, "1": 0.0, "2": 88 / 112}
    assert scores["classes"] == pytest.approx(each)  # class 3 occurs nowhere
    assert scores["n_classes"] == 4
    assert scores["metrics"]["mIoU"] == pytest.approx(sum(each.values()) / 3)
    assert scores["metrics"]["Acc"] == pytest.approx((476 + 88) / (7 * 84))
    assert json.loads((tmp_path / "out" / "a.b.json").read_text()) == scores


def test_frames_that_are_all_void_do_not_count(evaluate, tmp_path):
    maps.write_labels(tmp_path / "truth" / "dog" / "00003.png", np.full_like(TRUTH, 255))
    scores = evaluate()
    assert list(scores["sequences"]["dog"]["frames"]) == ["00000", "00001", "00002"]
    assert (scores["n_frames"], scores["void_frames"]) == (6, {"dog": [3]})
    # Without its 68 and 16 pixels, and class 1, which was predicted there alone.
    assert scores["classes"] == pytest.approx({"0": 408 / 416, "2": 88 / 96})


@pytest.mark.parametrize("protocol", ["davis", "frame_average"])
def test_every_protocol_counts_pixels_over_all_frames(evaluate, protocol):
    scores = evaluate(protocol)
    assert scores["metrics"]["mIoU"] == pytest.approx((476 / 484 + 0 + 88 / 112) / 3)


def test_frames_that_do_not_count(evaluate):
    scores = evaluate("davis_official")
    assert scores["excluded_frames"] == {"cat": [0, 2], "dog": [0, 3]}
    assert scores["metrics"] == {"mIoU": 1.0, "Acc": 1.0}
    assert scores["classes"] == {"0": 1.0, "2": 1.0}
    scores = evaluate("davis_released")
    assert list(scores["sequences"]) == ["dog"]
    assert "davis_released" in scores["left_out"]["cat"]


def test_what_is_said_of_the_scores(evaluate):
    scores = evaluate()
    assert scores["left_out"] == {"eel": "empty file"}
    assert (scores["protocol"], scores["foreground"]) == ("frame_average", "classes")
    assert (scores["n_sequences"], scores["n_frames"]) == (2, 7)
    assert scores["foreground_looks_at_ground_truth"] is False
    assert [scores[key] for key in ("run", "checkpoint", "crop")] == ["gwm-test", "last", "none"]
    assert scores["seconds_per_frame"]["median"] == 0.1
    inputs = scores["provenance"]["inputs"]
    assert {path.rpartition("/")[2] for path in inputs} == {"predictions.json", "manifest.parquet"}


def test_label_maps_are_kept_in_the_colours_of_pascal_voc(evaluate, tmp_path):
    evaluate("davis_official")
    maps = sorted((tmp_path / "out" / "a.b").rglob("*.png"))
    assert len(maps) == 7
    with Image.open(tmp_path / "out" / "a.b" / "dog" / "00000.png") as image:
        np.testing.assert_array_equal(np.asarray(image), HALF)
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((4, 3)) == (0, 128, 0)  # bicycle


def test_annotations_are_cropped_like_the_frames(evaluate):
    scores = evaluate(predicted=lambda *frame: classes(*frame)[:, 2:10], crop="square")
    # Four columns of eight rows, one of them void, are gone, all of class 0.
    assert scores["classes"]["0"] == pytest.approx((476 - 7 * 28) / (484 - 7 * 28))
    assert scores["classes"]["2"] == pytest.approx(88 / 112)


def test_a_class_that_is_not_predicted(evaluate, tmp_path):
    with pytest.raises(StoreError) as raised:
        evaluate(predicted=lambda *_: np.zeros_like(TRUTH), count=2)
    assert str(raised.value) == (
        f"{tmp_path}/truth/cat/00000.png: class 2 is not one of 0 to 1, those that are predicted; "
        f"evaluate what was trained on the classes of this dataset"
    )
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {".lock"}


def test_classes_of_objects_are_classes(evaluate, truth):
    """Object 1 is of class 3, object 2 of class 1."""
    parquet.write(truth, parquet.read(truth).assign(annotation_kind="objects:3.1"), {})
    scores = evaluate(predicted=lambda *_: np.where(TRUTH == 2, 1, 0))
    assert scores["metrics"]["mIoU"] == 1 and list(scores["classes"]) == ["0", "1"]


def test_annotations_that_are_no_classes(evaluate, truth):
    parquet.write(truth, parquet.read(truth).assign(annotation_kind="instances"), {})
    message = "--foreground classes: the annotations of video 'cat' are of the kind instances, not"
    with pytest.raises(ConfigError, match=message):
        evaluate()


def test_predictions_that_are_no_classes(evaluate):
    message = "--foreground classes: the components of .*predictions.json are no classes, as method"
    with pytest.raises(ConfigError, match=message):
        evaluate(gives="masks")


class Frames:
    """Frames of a single grey."""

    def read(self, video, t):
        return np.full((16, 24, 3), 200, np.uint8)


def test_sheet(evaluate, truth, predict, tmp_path):
    scores = evaluate()
    opened = Predictions.open(tmp_path / "predictions" / "predictions.json")
    videos = benchmark.read(truth, "val").videos
    rows = sheet.of_evaluation(scores, opened, videos, Frames(), tmp_path / "out" / "a.b")
    assert [(row.group, row.name, row.summary, row.label) for row in rows[2:4]] == [
        ("Highest mIoU", "cat", "mIoU 100.0", "frame 2, mIoU 100.0"),
        ("Lowest mIoU", "dog", "mIoU 53.2", "frame 0, mIoU 69.7"),
    ]
    pictures = rows[3].pictures
    assert list(pictures) == ["frame", "predicted classes", "ground truth"]
    result, missed, void = (150, 160), (150, 280), (5, 5)
    # 0.45 of the frame, lifted to 219, and 0.55 of the class's colour.
    assert pictures["predicted classes"][result].tolist() == [98, 169, 98]
    assert pictures["predicted classes"][missed].tolist() == [98, 98, 98]
    assert pictures["ground truth"][missed].tolist() == [98, 169, 98]
    assert (pictures["ground truth"][void] > pictures["ground truth"][missed]).all()
    sheet.draw(tmp_path / "sheet.png", rows, sheet.caption(scores))
    assert (tmp_path / "sheet.png").exists()


def test_verb(truth, predict, tmp_path, caplog):
    path = predict(classes, 4, gives="classes")
    words = [f"--predictions={path}", f"--manifest={truth}", f"--output={tmp_path / 'out.json'}"]
    words += ["--protocol=frame_average", "--foreground=classes"]
    caplog.set_level("INFO", "commonfate")
    CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)
    assert "out.json: mIoU 59.0, Acc 95.9 (2 sequences, 7 frames; protocol fr" in caplog.text
    assert json.loads((tmp_path / "out.json").read_text())["classes"]["1"] == 0.0


def test_caption(evaluate):
    assert sheet.caption(evaluate(), "demo").split("\n") == [
        "gwm-test: mIoU 59.0 of 2 sequences, 7 frames",
        "scale demo; split val; protocol frame_average (pixels of all frames counted together); "
        "checkpoint last",
        "no choice was made by looking at the ground truth",
    ]
