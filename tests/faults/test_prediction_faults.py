"""Broken predictions: the message names the file, and nothing is written."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli.evaluate import command
from commonfate.prediction import maps

LABELS = np.zeros((8, 12), np.uint8)
LABELS[2:6, 4:8] = 1
FACTS = {
    "run": None,
    "method": "kmeans",
    "description": {},
    "checkpoint": None,
    "iteration": None,
    "checkpoint_looks_at_ground_truth": False,
    "split": "val",
    "segments": {"components": 2, "groups": 2},
    "soft": True,
    "seconds_per_frame": {"median": 0.1, "mean": 0.1, "device": "CPU, 1 threads"},
    "adapt_steps": 0,
    "adaptation": None,
    "seed": None,
    "crf": None,
    "resolution": "network",
    "crop": "none",
}


@pytest.fixture
def benchmark(tmp_path):
    """A video of two annotated frames with whole predictions; returns the folder of all."""
    truth = [tmp_path / "truth" / f"{t:05d}.png" for t in range(2)]
    (tmp_path / "truth").mkdir()
    for t, file in enumerate(truth):
        Image.fromarray(LABELS * 255).save(file)
        for segments in ("components", "groups"):
            maps.write_labels(tmp_path / "predictions" / segments / "cat" / f"{t:05d}.png", LABELS)
        maps.write_probability(
            tmp_path / "predictions" / "foreground" / "cat" / f"{t:05d}.png", LABELS
        )
    row = {"id": "cat", "split": "val", "frames": 2, "status": "ok", "reason": ""}
    row |= {"annotation_kind": "binary", "annotation_files": [str(file) for file in truth]}
    parquet.write(tmp_path / "manifest.parquet", pd.DataFrame([row]), {})
    (tmp_path / "predictions" / "predictions.json").write_text(json.dumps(FACTS))
    return tmp_path


def evaluate(folder, **options):
    """Run the verb; its error, if any, is raised."""
    given = {
        "predictions": folder / "predictions" / "predictions.json",
        "manifest": folder / "manifest.parquet",
        "protocol": "davis",
        "foreground": "unsupervised",
        "output": folder / "scores.json",
    } | options
    words = [str(word) for key, value in given.items() for word in (f"--{key}", value)]
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False)


def assert_refused(folder, message, error=StoreError, **options):
    with pytest.raises(error, match=message) as raised:
        evaluate(folder, **options)
    assert "\n" not in str(raised.value)
    assert not (folder / "scores.json").exists() and not (folder / "scores").exists()


def test_whole_predictions_are_scored(benchmark):
    evaluate(benchmark)
    assert json.loads((benchmark / "scores.json").read_text())["J"] == 1.0


def test_missing_frame(benchmark):
    (benchmark / "predictions" / "groups" / "cat" / "00001.png").unlink()
    assert_refused(benchmark, r"groups/cat/00001.png: this prediction is missing; run commonfate p")


def test_wrong_size(benchmark):
    path = benchmark / "predictions" / "groups" / "cat" / "00001.png"
    maps.write_labels(path, LABELS[:, :10])
    assert_refused(benchmark, r"groups/cat/00001.png: is 8x10, but the annotation is 8x12")


def test_label_out_of_range(benchmark):
    path = benchmark / "predictions" / "groups" / "cat" / "00001.png"
    maps.write_labels(path, LABELS * 2)
    assert_refused(benchmark, r"groups/cat/00001.png: holds label 2, but .* labels are 0 to 1")


@pytest.mark.parametrize("kept", [0, 20, 60, -14, -20])
def test_truncated_png(benchmark, kept):
    path = benchmark / "predictions" / "groups" / "cat" / "00001.png"
    path.write_bytes(path.read_bytes()[:kept])
    assert_refused(benchmark, r"groups/cat/00001.png: this prediction is (damaged|not an image)")


@pytest.mark.parametrize("offset", range(4, 20, 3))
def test_flipped_byte(benchmark, offset):
    path = benchmark / "predictions" / "groups" / "cat" / "00001.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + offset] ^= 0x10
    path.write_bytes(content)
    assert_refused(benchmark, r"groups/cat/00001.png: this prediction is damaged")


def test_picture_instead_of_a_label_map(benchmark):
    path = benchmark / "predictions" / "groups" / "cat" / "00001.png"
    Image.new("RGB", (12, 8)).save(path)
    assert_refused(benchmark, r"groups/cat/00001.png: is an image of mode RGB, not a label map")


def test_missing_soft_foreground(benchmark):
    (benchmark / "predictions" / "foreground" / "cat" / "00001.png").unlink()
    assert_refused(benchmark, r"foreground/cat/00001.png: this prediction is missing; run commonf")


@pytest.mark.parametrize("kept", [0, 20, 60, -14, -20])
def test_truncated_soft_foreground(benchmark, kept):
    path = benchmark / "predictions" / "foreground" / "cat" / "00001.png"
    path.write_bytes(path.read_bytes()[:kept])
    damage = r"foreground/cat/00001.png: this prediction is (damaged|not an image)"
    assert_refused(benchmark, damage)


@pytest.mark.parametrize("offset", range(4, 20, 3))
def test_flipped_byte_of_a_soft_foreground(benchmark, offset):
    path = benchmark / "predictions" / "foreground" / "cat" / "00001.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + offset] ^= 0x10
    path.write_bytes(content)
    assert_refused(benchmark, r"foreground/cat/00001.png: this prediction is damaged")


def test_soft_foreground_of_another_size_or_kind(benchmark):
    path = benchmark / "predictions" / "foreground" / "cat" / "00001.png"
    maps.write_probability(path, LABELS[:, :10])
    assert_refused(benchmark, r"foreground/cat/00001.png: is 8x10, but the annotation is 8x12")
    maps.write_labels(path, LABELS)
    assert_refused(benchmark, r"foreground/cat/00001.png: is an image of mode P, not grey")


def test_predictions_of_the_whole_frame_that_claim_to_be_cropped(benchmark):
    metadata = benchmark / "predictions" / "predictions.json"
    metadata.write_text(json.dumps(FACTS | {"crop": "square"}))
    assert_refused(benchmark, r"groups/cat/00000.png: is 8x12, but the annotation is 8x8")


@pytest.mark.parametrize("key", ["adapt_steps", "crf", "resolution", "crop", "soft"])
def test_predictions_that_do_not_say_how_they_were_made(benchmark, key):
    kept = {name: value for name, value in FACTS.items() if name != key}
    (benchmark / "predictions" / "predictions.json").write_text(json.dumps(kept))
    assert_refused(benchmark, r"predictions.json: is not a predictions.json; run commonfate pred")


def test_truncated_annotation(benchmark):
    path = benchmark / "truth" / "00000.png"
    path.write_bytes(path.read_bytes()[:-20])
    assert_refused(benchmark, r"truth/00000.png: this annotation is damaged")


def test_missing_annotation(benchmark):
    (benchmark / "truth" / "00000.png").unlink()
    assert_refused(benchmark, r"truth/00000.png: this annotation is missing")


def test_no_predictions(benchmark):
    missing = benchmark / "nowhere" / "predictions.json"
    assert_refused(benchmark, r"nowhere/predictions.json: no such file", predictions=missing)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"method": "gwm"}'])
def test_damaged_predictions_json(benchmark, text):
    (benchmark / "predictions" / "predictions.json").write_text(text)
    assert_refused(
        benchmark, r"predictions/predictions.json: (is not a predictions|cannot be read as JSON)"
    )


def test_unknown_names(benchmark):
    expected = r"protocol 'davies' is unknown; did you mean davis\? Known: davis, davis_released"
    assert_refused(benchmark, expected, ConfigError, protocol="davies")
    assert_refused(benchmark, "foreground 'best' is unknown", ConfigError, foreground="best")


def test_a_failure_keeps_earlier_scores(benchmark):
    evaluate(benchmark)
    before = (benchmark / "scores.json").read_bytes()
    (benchmark / "predictions" / "groups" / "cat" / "00001.png").unlink()
    with pytest.raises(StoreError):
        evaluate(benchmark)
    assert (benchmark / "scores.json").read_bytes() == before
    assert len(list((benchmark / "scores").rglob("*.png"))) == 2
