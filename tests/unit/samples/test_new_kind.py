"""A sketch of another kind of sample: windows of frames. It touches nothing but the registry."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from commonfate.base import parquet
from commonfate.base.errors import ConfigError
from commonfate.datasets.settings import SpritesConfig
from commonfate.samples import index, kinds
from commonfate.samples.build import build
from commonfate.samples.example import Example
from commonfate.samples.kinds.base import Listed, SampleKind
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey

LENGTH = 3


@dataclass(frozen=True)
class WindowExample(Example):
    """A window; `window` is (LENGTH, H, W, 3) uint8, RGB, and `frame` its first."""

    window: np.ndarray | None = None


class Window(SampleKind):
    """`LENGTH` frames of a video, which start at a multiple of it."""

    name = "windows"
    words = "windows"
    help = "frames that follow each other"
    lacking = "windows, but data set {} has still images"
    cure = "use longer videos"

    def is_offered_by(self, dataset):
        return bool(dataset.pair_gaps)

    def of_video(self, video, stores, manifest, gaps):
        last = stores.length(video.id, manifest) - LENGTH
        return (Listed(t, [0]) for t in range(0, last + 1, LENGTH))

    def read(self, sample, key, frame, stores):
        store = stores.frames(sample.frame_store)
        window = np.stack([store.read(sample.video, sample.t + i) for i in range(LENGTH)])
        return WindowExample(frame, window=window, flip=key.flip, seed=key.seed)


class MeanOfWindow:
    """A method that learns from windows."""

    settings = SimpleNamespace(learns_from="windows")

    def prepare(self, example):
        return {"mean": torch.tensor(example.window.mean())}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "windows", Window())


@pytest.fixture
def windows(tmp_path, make_shard, make_manifest):
    """The index of a video of seven frames, one of two, and its provenance."""
    frames, _ = make_shard("toy", 0, {"a": 7, "b": 2})
    manifest = make_manifest("toy", [(video, "train", 0, "") for video in "ab"])
    table, record = build([manifest], [frames], [], "all", "windows")
    parquet.write(tmp_path / "index.parquet", table, record)
    return index.read(tmp_path / "index.parquet"), record


def test_it_is_listed(windows):
    samples, record = windows
    assert [(s.video, s.t, s.learns_from) for s in samples.samples] == [
        ("a", 0, "windows"),
        ("a", 3, "windows"),
    ]
    assert record["videos"]["toy"]["without_windows"] == 1


def test_a_method_gets_it(windows):
    read = SampleDataset(windows[0].samples, MeanOfWindow())[SampleKey(1, 0, False, 0)]
    assert read["mean"] == 4  # frames 3, 4, 5


def test_a_method_that_learns_from_something_else(windows, raw):
    with pytest.raises(ConfigError, match="--learns-from pairs"):
        SampleDataset(windows[0].samples, raw("pairs"))


def test_plan_and_rules_know_it():
    assert "windows" in kinds.without_flow()
    assert kinds.of_source("windows").name == "windows"
    assert kinds.of_source("dis").name == "flow"
    assert kinds.KINDS["windows"].is_offered_by(SpritesConfig())
