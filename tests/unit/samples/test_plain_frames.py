"""Samples that are frames and nothing else: of videos, and still images beside them."""

import pytest

from commonfate.base import parquet
from commonfate.base.errors import UserError
from commonfate.datasets.settings import DavisConfig, ImagesConfig
from commonfate.samples import index
from commonfate.samples.build import build
from commonfate.samples.kinds import KINDS
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey


def test_every_frame_of_every_usable_video_is_a_sample(tmp_path, make_shard, make_manifest, raw):
    frames, _ = make_shard("toy", 0, {"a": 3, "b": 2, "c": 1})
    rows = [("a", "train", 0, ""), ("b", "train", 0, "truncated"), ("c", "train", 0, "")]
    table, metadata = build([make_manifest("toy", rows)], [frames], [], "all", "frames")
    assert list(zip(table["video"], table["t"], strict=True)) == [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("c", 0),
    ]
    counts = {"used": 2, "without_frames": 0, "left_out": 1, "reasons": {"truncated": 1}}
    assert metadata["videos"] == {"toy": counts}
    parquet.write(tmp_path / "index.parquet", table, metadata)
    samples = index.read(tmp_path / "index.parquet").samples
    example = SampleDataset(samples, raw("frames"))[SampleKey(2, 0, flip=True, seed=5)]
    assert example["frame"].shape == (8, 12, 3)
    assert (example["frame"] == 2).all()
    assert (example["flip"], example["seed"]) == (True, 5)
    assert example["flow"] is example["other"] is example["labels"] is None


def test_a_split_without_videos(make_shard, make_manifest):
    frames, _ = make_shard("toy", 0, {"a": 3})
    manifest = make_manifest("toy", [("a", "train", 0, "truncated")])
    with pytest.raises(UserError, match=r"1 videos were left out .* 0 have no frames; give a data"):
        build([manifest], [frames], [], "all", "frames")


def test_videos_and_images_offer_them():
    kind = KINDS["frames"]
    assert all(kind.is_offered_by(of) for of in (DavisConfig(root="."), ImagesConfig(root=".")))
    assert not kind.supervised
