"""Stamps and digests: another text for what has changed on disk, and for that shard only."""

import os

import pytest

from commonfate import datasets
from commonfate.datasets import VideoSource, on_disk, shards
from commonfate.datasets.settings import FolderConfig


@pytest.fixture
def root(tmp_path):
    for name in ("a.mp4", "b.mp4", "dog/0.png", "dog/1.png"):
        (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / name).write_text("pixels")
    return tmp_path / "v"


def stamps(root):
    return datasets.stamps("mine", FolderConfig(root=root), "unused")


def rewrite(file, text, mtime_ns):
    file.write_text(text)
    os.utime(file, ns=(mtime_ns, mtime_ns))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda root: rewrite(root / "a.mp4", "longer pixels", 0), "a"),
        (lambda root: rewrite(root / "dog/1.png", "pixelS", 0), "dog"),
        (lambda root: (root / "dog/2.png").touch(), "dog"),
        (lambda root: (root / "dog/2.png").symlink_to("/gone"), "dog"),
        (lambda root: (root / "b.mp4").rename(root / "b.avi"), "b"),
    ],
)
def test_a_change_gives_another_stamp_to_its_video_alone(root, change, name):
    before = stamps(root)
    assert stamps(root) == before
    change(root)
    after = stamps(root)
    assert {video for video in before if before[video] != after[video]} == {name}


def test_a_link_has_another_stamp_when_its_target_is_there(root):
    (root / "c.mp4").symlink_to(root / "fetched")
    before = stamps(root)
    (root / "fetched").touch()
    assert stamps(root)["c"] != before["c"]


def test_ground_truth_counts_and_patterns_are_followed(tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}/0.png").parent.mkdir()
        (tmp_path / f"{number}/0.png").touch()
    source = VideoSource(
        *("dog", "val", str(tmp_path)),
        frame_files=(str(tmp_path / "0.jpg"), str(tmp_path / "1.jpg")),
        annotation_files=(f"{tmp_path}/*/0.*", ""),
        annotation_kind="union:2",
    )
    before = on_disk.stamp(source)
    rewrite(tmp_path / "2/0.png", "mask", 1)
    assert on_disk.stamp(source) != before


def test_digests_of_shards():
    of_shard = {"a": 0, "b": 0, "c": 3}
    before = shards.digests({"a": "1", "b": "1", "c": "1"}, of_shard)
    assert list(before) == [0, 3]
    after = shards.digests({"a": "1", "b": "1", "c": "2"}, of_shard)
    assert (before[0] == after[0], before[3] == after[3]) == (True, False)
    assert shards.digests({"a": "1", "c": "1"}, of_shard)[0] != before[0]


def test_digests_are_of_the_shards_that_are_remembered(root, tmp_path):
    settings = FolderConfig(root=root)
    memory = tmp_path / "inventory"
    before = datasets.shard_digests("mine", settings, "unused", memory, 2)
    shards.write(memory / shards.FILE, 2, {"a": 0, "b": 0, "dog": 1})
    assert datasets.shard_digests("mine", settings, "unused", memory, 2) == before
    (root / "Aardvark.mp4").touch()
    after = datasets.shard_digests("mine", settings, "unused", memory, 2)
    assert after[0] == before[0] and after[1] != before[1]
