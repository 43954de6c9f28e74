"""Predictions under way."""

import json

import pytest

from commonfate.prediction.segmenting import FrameRecord
from commonfate.prediction.unfinished import Unfinished, VideoReport, key_of

REPORT = VideoReport([FrameRecord(4, 2, 0.25, opposite_gap=False)], {"steps": 20, "problem": None})
PROVENANCE = {"settings": {"k": 4}, "inputs": {"a": "0"}, "code_sha256": "1", "device": "CPU"}
PROVENANCE |= {"time": 1, "code": "0.1.0"}


@pytest.fixture
def folder(tmp_path):
    return Unfinished(tmp_path / "last.adapt20")


def test_a_report_comes_back(folder):
    folder.open("key")
    assert folder.report("cat") is None
    folder.finish("set/cat", REPORT)
    assert folder.report("set/cat") == REPORT
    Unfinished(folder.path.parent / "last.adapt20").open("key")
    assert folder.report("set/cat") == REPORT


def test_another_key_begins_anew(folder):
    folder.open("key")
    folder.finish("cat", REPORT)
    folder.open("another")
    assert folder.report("cat") is None


def test_a_torn_report_is_none(folder):
    folder.open("key")
    folder.finish("cat", REPORT)
    path = folder.path / "videos" / "cat.json"
    path.write_bytes(path.read_bytes()[:20])
    assert folder.report("cat") is None


def test_publishing_leaves_the_product_alone(folder, tmp_path):
    output = tmp_path / "last.adapt20"
    output.mkdir()
    (output / "stale").touch()
    folder.open("key")
    folder.finish("cat", REPORT)
    folder.publish({"method": "gwm"})
    assert [path.name for path in output.iterdir()] == ["predictions.json"]
    assert json.loads((output / "predictions.json").read_text()) == {"method": "gwm"}
    assert not folder.path.exists()


def test_the_key_is_of_what_predictions_depend_on():
    key = key_of(PROVENANCE)
    assert key_of(PROVENANCE | {"time": 2, "code": "0.1.0 (1234567+)"}) == key
    for name in ("settings", "inputs", "code_sha256", "device"):
        assert key_of(PROVENANCE | {name: "other"}) != key
