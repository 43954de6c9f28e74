"""A sketch of a fourth kind of sample: clips of frames. It touches nothing but the registry."""

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
class ClipExample(Example):
    """A clip; `clip` is (LENGTH, H, W, 3) uint8, RGB, and `frame` its first."""

    clip: np.ndarray | None = None


class Clip(SampleKind):
    """`LENGTH` frames of a video, which start at a multiple of it."""

    name = "clips"
    words = "clips"
    help = "frames that follow each other"
    lacking = "clips, but data set {} has still images"
    cure = "use longer videos"

    def is_offered_by(self, dataset):
        return bool(dataset.pair_gaps)

    def of_video(self, video, stores, manifest, gaps):
        last = stores.length(video.id, manifest) - LENGTH
        return (Listed(t, [0]) for t in range(0, last + 1, LENGTH))

    def read(self, sample, key, frame, stores):
        store = stores.frames(sample.frame_store)
        clip = np.stack([store.read(sample.video, sample.t + i) for i in range(LENGTH)])
        return ClipExample(frame, clip=clip, flip=key.flip, seed=key.seed)


class MeanOfClip:
    """A method that learns from clips."""

    settings = SimpleNamespace(learns_from="clips")

    def prepare(self, example):
        return {"mean": torch.tensor(example.clip.mean())}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(kinds.KINDS, "clips", Clip())


@pytest.fixture
def clips(tmp_path, make_shard, make_manifest):
    """The index of a video of seven frames, one of two, and its provenance."""
    frames, _ = make_shard("toy", 0, {"a": 7, "b": 2})
    manifest = make_manifest("toy", [(video, "train", 0, "") for video in "ab"])
    table, record = build([manifest], [frames], [], "all", "clips")
    parquet.write(tmp_path / "index.parquet", table, record)
    return index.read(tmp_path / "index.parquet"), record


def test_it_is_listed(clips):
    samples, record = clips
    assert [(s.video, s.t, s.learns_from) for s in samples.samples] == [
        ("a", 0, "clips"),
        ("a", 3, "clips"),
    ]
    assert record["videos"]["toy"]["without_clips"] == 1


def test_a_method_gets_it(clips):
    read = SampleDataset(clips[0].samples, MeanOfClip())[SampleKey(1, 0, False, 0)]
    assert read["mean"] == 4  # frames 3, 4, 5


def test_a_method_that_learns_from_something_else(clips, raw):
    with pytest.raises(ConfigError, match="--learns-from pairs"):
        SampleDataset(clips[0].samples, raw("pairs"))


def test_plan_and_rules_know_it():
    assert "clips" in kinds.without_flow()
    assert kinds.of_source("clips").name == "clips"
    assert kinds.of_source("dis").name == "flow"
    assert kinds.KINDS["clips"].is_offered_by(SpritesConfig())
