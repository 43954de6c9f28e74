"""YouTube-VOS' training split: all frames or every fifth, annotated where the authors did."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.datasets import Stamped
from commonfate.datasets.settings import DavisConfig, YoutubeVosConfig
from commonfate.datasets.youtube_vos import YoutubeVos


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def videos(root, **settings):
    return datasets.open("ytvos", YoutubeVosConfig(root=root, **settings), root).videos()


@pytest.fixture
def official(tmp_path):
    for name in ("0a43b2", "003b2f"):
        touch(tmp_path, *(f"train_all_frames/JPEGImages/{name}/{t:05d}.jpg" for t in range(10, 21)))
        touch(tmp_path, *(f"train/JPEGImages/{name}/{t:05d}.jpg" for t in (10, 15, 20)))
    touch(tmp_path, *(f"train/Annotations/0a43b2/{t:05d}.png" for t in (15, 20)))
    touch(tmp_path, "train/meta.json", "train_all_frames/JPEGImages/.DS_Store")
    return tmp_path


def test_all_frames_with_sparse_annotations(official):
    bare, annotated = videos(official)
    assert (bare.id, annotated.id) == ("003b2f", "0a43b2")
    assert bare.split == annotated.split == "train"
    assert annotated.path == f"{official}/train_all_frames/JPEGImages/0a43b2"
    assert [file[-9:] for file in annotated.frame_files] == [f"{t:05d}.jpg" for t in range(10, 21)]
    labels = [""] * 11
    for place, t in ((5, 15), (10, 20)):
        labels[place] = f"{official}/train/Annotations/0a43b2/{t:05d}.png"
    assert list(annotated.annotation_files) == labels
    assert annotated.annotation_kind == "instances"
    assert (bare.annotation_files, bare.annotation_kind) == (None, "")


def test_every_fifth_frame_only_when_it_is_asked_for(official):
    _, annotated = videos(official, frames="every_fifth")
    folder = f"{official}/train/JPEGImages/0a43b2"
    assert annotated.frame_files == tuple(f"{folder}/{t:05d}.jpg" for t in (10, 15, 20))
    assert [file[-9:] for file in annotated.annotation_files] == ["", "00015.png", "00020.png"]
    (official / "train_all_frames").rename(official / "elsewhere")
    with pytest.raises(ConfigError) as error:
        videos(official)
    message = str(error.value)
    assert message.startswith(f"{official}/train_all_frames/JPEGImages: no such folder; ")
    assert message.endswith("or set datasets.ytvos.frames to every_fifth")


def test_annotations_are_not_needed(official):
    (official / "train").rename(official / "elsewhere")
    assert [video.annotation_files for video in videos(official)] == [None, None]


def test_annotations_of_videos_that_are_not_there_are_told(official, caplog):
    touch(official, "train/Annotations/ffffff/00000.png")
    assert len(videos(official)) == 2
    assert "ytvos: 1 videos of train/Annotations have no frames in " in caplog.text
    assert "such as ffffff" in caplog.text


def test_what_does_not_fit_together(official):
    touch(official, "train/Annotations/0a43b2/00025.png")
    with pytest.raises(StoreError, match=r"0a43b2/00025\.png: annotates no frame, as .*0a43b2 has"):
        videos(official)
    (official / "train_all_frames/JPEGImages/000000").mkdir()
    with pytest.raises(StoreError, match="JPEGImages/000000: holds no frame; complete"):
        videos(official)


def test_stamps_are_made_without_a_look_at_the_frames(official, monkeypatch):
    settings = YoutubeVosConfig(root=official)
    assert isinstance(YoutubeVos("ytvos", settings), Stamped)
    assert not isinstance(datasets.open("x", DavisConfig(root=official), official), Stamped)
    monkeypatch.delattr(YoutubeVos, "videos")
    before = datasets.stamps("ytvos", settings, official)
    assert sorted(before) == ["003b2f", "0a43b2"]
    touch(official, "train_all_frames/JPEGImages/003b2f/00099.jpg")
    (official / "train/Annotations/0a43b2/00020.png").unlink()
    after = datasets.stamps("ytvos", settings, official)
    assert all(after[name] != stamp for name, stamp in before.items())


def test_a_folder_without_videos(tmp_path):
    touch(tmp_path, "train_all_frames/JPEGImages/00000.jpg")
    with pytest.raises(StoreError, match="train_all_frames/JPEGImages: holds no video; docs/"):
        videos(tmp_path)


def test_settings():
    settings = YoutubeVosConfig(root="/data/YouTubeVOS", pair_gaps=(1, 2))
    assert from_pairs(YoutubeVosConfig, to_pairs(settings)) == settings
    with pytest.raises(ConfigError, match=r"--set: frames = 'some'"):
        from_pairs(YoutubeVosConfig, ["root=/data", "frames=some"])
