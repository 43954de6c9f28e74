"""Which frames of a manifest are segmented and scored."""

from pathlib import Path

import pandas as pd
import pytest

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.prediction import benchmark

ROW = {"frames": 3, "annotation_kind": "binary", "status": "ok", "reason": ""}


@pytest.fixture
def manifest(tmp_path):
    rows = [
        ROW | {"id": "dog", "split": "val", "annotation_files": ["a/0.png", "", "a/2.png"]},
        ROW | {"id": "cat", "split": "val", "annotation_files": ["c/0.png"] * 3},
        ROW | {"id": "bare", "split": "val", "annotation_files": None, "annotation_kind": ""},
        ROW
        | {"id": "bad", "split": "val", "annotation_files": ["b/0.png"]}
        | {"status": "left_out", "reason": "truncated: 2 of 3 frames decode"},
        ROW | {"id": "ant", "split": "train", "annotation_files": ["t/0.png", "", ""]},
    ]
    path = tmp_path / "manifest.parquet"
    parquet.write(path, pd.DataFrame(rows), {})
    return path


def test_annotated_frames_of_usable_videos(manifest):
    result = benchmark.read(manifest, "val")
    assert [video.name for video in result.videos] == ["cat", "dog"]
    assert result.videos[1].annotations == {0: Path("a/0.png"), 2: Path("a/2.png")}
    assert len(result) == 5
    assert [(video.name, t) for video, t, _ in result][2:] == [("cat", 2), ("dog", 0), ("dog", 2)]
    assert result.left_out == {
        "bad": "truncated: 2 of 3 frames decode",
        "bare": "has no annotations",
    }


def test_all_splits(manifest):
    assert [video.name for video in benchmark.read(manifest, "all").videos] == ["ant", "cat", "dog"]


def test_unknown_split(manifest):
    with pytest.raises(ConfigError, match=r"manifest.parquet: split 'test' is unknown.*train, val"):
        benchmark.read(manifest, "test")


def test_nothing_to_score(manifest, tmp_path):
    table = parquet.read(manifest)
    path = tmp_path / "unannotated.parquet"
    parquet.write(path, table[table["id"] == "bare"], {})
    with pytest.raises(StoreError, match=r"no video of split 'val' has ground truth.*bare: has no"):
        benchmark.read(path, "val")


def test_an_inventory_is_no_manifest(manifest, tmp_path):
    path = tmp_path / "inventory.parquet"
    parquet.write(path, parquet.read(manifest).drop(columns=["status", "reason"]), {})
    with pytest.raises(StoreError, match=r"inventory.parquet: has no column 'status'; name a mani"):
        benchmark.read(path, "val")
