"""Stores of several shards, read as one."""

import numpy as np
import pytest

from commonfate.base.errors import ConfigError, StoreError
from commonfate.storage.feature_shards import FeatureShards
from commonfate.storage.features import FeatureWriter


def write(path, videos, view="224.cls", encoder="e", left_out=None):
    record = {"encoder_sha256": encoder}
    with FeatureWriter(path, view, list(videos), "k", record) as writer:
        for video in videos:
            for t in (0, 1):
                writer.add(video, t, (8, 8), {"cls": np.array([ord(video), t], "float32")})
        writer.finish({video: [0, 1] for video in videos}, left_out)
    return path


def test_shards_are_read_as_one(tmp_path):
    paths = [
        write(tmp_path / "1.zarr.zip", "bd", left_out={"e": "damaged"}),
        write(tmp_path / "0.zarr.zip", "ac"),
    ]
    shards = FeatureShards(paths)
    assert shards.view == "224.cls"
    assert shards.videos == ["a", "b", "c", "d"] and len(shards) == 8
    assert shards.left_out == {"e": "damaged"}
    assert shards.read("d", 1).tolist() == [100, 1]
    assert shards.read_video("a").tolist() == [[97, 0], [97, 1]]
    chunks = list(shards.chunks(3))
    assert [item for chunk in chunks for item in chunk.items] == [
        (video, t) for video in "acbd" for t in (0, 1)
    ]
    with pytest.raises(StoreError, match="holds no features of video 'e'"):
        shards.read("e", 0)


def test_shards_that_do_not_belong_together(tmp_path):
    first = write(tmp_path / "0.zarr.zip", "ab")
    with pytest.raises(ConfigError, match="no store"):
        FeatureShards([])
    with pytest.raises(ConfigError, match=r"is of view 32\.cls"):
        FeatureShards([first, write(tmp_path / "1.zarr.zip", "c", view="32.cls")])
    with pytest.raises(ConfigError, match="of another encoder"):
        FeatureShards([first, write(tmp_path / "2.zarr.zip", "c", encoder="f")])
    with pytest.raises(ConfigError, match="video 'b' is in"):
        FeatureShards([first, write(tmp_path / "3.zarr.zip", "bc")])
