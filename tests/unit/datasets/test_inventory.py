"""The inventory: shards in order of id, and the settings that the verb reads."""

import re

import pytest
from click.testing import CliRunner

from commonfate import datasets
from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.cli import commonfate
from commonfate.datasets import VideoSource, inventory
from commonfate.datasets.settings import DavisConfig, SpritesConfig


def test_cuts_into_shards_in_order_of_id():
    sources = [VideoSource(id=name, split="train", path=f"{name}.mp4") for name in "ecabd"]
    table = inventory.build(sources, shard_size=2)
    assert list(table.columns) == list(inventory.COLUMNS)
    assert list(zip(table["id"], table["shard"], strict=True)) == [
        ("a", 0),
        ("b", 0),
        ("c", 1),
        ("d", 1),
        ("e", 2),
    ]


def test_refuses_two_videos_of_one_name():
    sources = [VideoSource(id="a", split="train", path=path) for path in ("x/a", "y/a")]
    with pytest.raises(StoreError, match="x/a and y/a: both would be video 'a'"):
        inventory.build(sources, 2)


@pytest.mark.parametrize(
    ("splits", "told"), [(("val", "val"), "(val)"), (("train", "val"), "(train and val)")]
)
def test_a_video_that_is_listed_twice_is_not_advised_to_be_renamed(splits, told):
    sources = [VideoSource(id="a", split=split, path="x/a") for split in splits]
    message = f"x/a: is listed twice {told}; delete one of the two"
    with pytest.raises(StoreError, match=f"^{re.escape(message)}$"):
        inventory.build(sources, 2)


def test_settings_follow_the_adapter():
    settings = inventory.parse_settings(["root=/data", "adapter=davis", "splits=[val]"])
    assert settings == DavisConfig(root="/data", splits=("val",))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["root=/x"], "--set: adapter is required but missing"),
        (
            ["adapter=davs"],
            "--set: adapter = 'davs' is unknown; did you mean davis? Known: coco20k, ",
        ),
        (["adapter=davis"], "--set: root is required but missing"),
        (["adapter=folder", "rot=/x", "root=/x"], "--set: rot is unknown; did you mean root?"),
        (["adapter=davis", "root=/x", "splits=[test]"], "--set: splits.0 = 'test': "),
    ],
)
def test_settings_errors_name_the_key(pairs, message):
    with pytest.raises(ConfigError) as error:
        inventory.parse_settings(pairs)
    assert str(error.value).startswith(message)


def test_verb_writes_the_inventory_and_keeps_videos_in_their_shards(tmp_path):
    for name in ("b.mp4", "a.mp4", "frames/1.png", "frames/2.png"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "videos" / name).touch()
    output = tmp_path / "inventory.parquet"
    arguments = f"videos --dataset mine --shard-size 2 --output {output} --set adapter=folder"
    command_line = [*arguments.split(), "--set", f"root={tmp_path / 'videos'}"]
    result = CliRunner().invoke(commonfate, command_line)
    assert result.exception is None, result.output
    table = parquet.read(output)
    assert list(table["id"]) == ["a", "b", "frames"]
    assert list(table["shard"]) == [0, 0, 1]
    assert table["frame_files"][0] is None
    assert [name[-5:] for name in table["frame_files"][2]] == ["1.png", "2.png"]
    assert parquet.provenance(output)["settings"]["root"] == str(tmp_path / "videos")
    (tmp_path / "videos/0.mp4").touch()
    (tmp_path / "videos/b.mp4").unlink()
    assert CliRunner().invoke(commonfate, command_line).exit_code == 0
    table = parquet.read(output)
    assert list(zip(table["id"], table["shard"], strict=True)) == [
        ("0", 1),
        ("a", 0),
        ("frames", 1),
    ]


def test_sprites_are_listed_before_they_are_rendered(tmp_path):
    adapter = datasets.open("sprites", SpritesConfig(videos=8, frames=3), tmp_path / "sprites")
    videos = adapter.videos()
    assert not (tmp_path / "sprites").exists()
    assert [video.id for video in videos] == sorted(video.id for video in videos)
    assert [video.split for video in videos].count("val") == 2
    assert videos[0].path.startswith(str(tmp_path / "sprites"))
    assert videos[0].path.endswith(".mp4")
    assert videos[0].frame_files is None
    assert len(videos[0].annotation_files) == 3
    assert videos[0].annotation_kind == "instances"
    assert videos[0].truth.endswith(".npz")
