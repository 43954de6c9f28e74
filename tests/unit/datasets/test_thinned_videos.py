"""One frame in `every`, the frame rates of images, and a shard size of each dataset."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.datasets import base, inventory
from commonfate.datasets.base import VideoSource
from commonfate.datasets.settings import DavisConfig, FolderConfig, SpritesConfig, YoutubeVosConfig


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def listed(root, **settings):
    return datasets.videos("mine", FolderConfig(root=root, **settings), "unused")


def test_frames_and_their_annotations_are_thinned_alike():
    files = tuple(f"{t}.jpg" for t in range(11))
    masks = tuple(f"{t}.png" if t % 5 == 0 else "" for t in range(11))
    video = VideoSource("a", "train", "a", files, masks, "binary", fps=30)
    thin = base.thinned(video, 5)
    assert thin.frame_files == ("0.jpg", "5.jpg", "10.jpg")
    assert thin.annotation_files == ("0.png", "5.png", "10.png")
    assert (thin.fps, thin.every) == (6, 5)
    assert base.thinned(video, 1) is video
    assert base.thinned(video, 50).frame_files == ("0.jpg",)


def test_folders_of_frames_and_video_files(tmp_path):
    touch(tmp_path, "film.mp4", *(f"frames/{t:04d}.png" for t in range(6)))
    film, frames = listed(tmp_path, every=4, fps=8)
    assert (film.frame_files, film.every) == (None, 4)
    assert [name[-8:] for name in frames.frame_files] == ["0000.png", "0004.png"]
    assert frames.fps == 2
    film, frames = listed(tmp_path)
    assert (film.every, frames.every, frames.fps, len(frames.frame_files)) == (1, 1, 1, 6)


def test_the_rates_of_shipped_frames(tmp_path):
    touch(tmp_path, "train_all_frames/JPEGImages/a/00000.jpg", "train/JPEGImages/a/00000.jpg")
    rates = {
        frames: datasets.videos("y", YoutubeVosConfig(root=tmp_path, frames=frames), "")[0].fps
        for frames in ("all", "every_fifth")
    }
    assert rates == {"all": 30, "every_fifth": 6}
    (own,) = datasets.videos("y", YoutubeVosConfig(root=tmp_path, fps=25), "")
    assert own.fps == 25
    assert DavisConfig(root=tmp_path).fps == 24


def test_the_columns_of_the_inventory(tmp_path):
    touch(tmp_path, *(f"frames/{t:04d}.png" for t in range(6)))
    table = inventory.build(listed(tmp_path, every=2, fps=12), shard_size=2)
    (row,) = table.to_dict("records")
    assert (row["fps"], row["every"], row["label"], len(row["frame_files"])) == (6, 2, "", 3)


def test_settings():
    settings = FolderConfig(root="/data", every=5, fps=12.5, shard_size=7)
    assert from_pairs(FolderConfig, to_pairs(settings)) == settings
    with pytest.raises(ConfigError, match="every = 0"):
        from_pairs(FolderConfig, ["root=/data", "every=0"])
    with pytest.raises(ConfigError, match="every is unknown"):
        from_pairs(SpritesConfig, ["every=2"])
