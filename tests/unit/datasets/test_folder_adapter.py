"""Anyone's folder: which videos are found in it, and what they are called."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError
from commonfate.datasets.settings import FolderConfig


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def list_videos(root):
    return datasets.open("mine", FolderConfig(root=root), root).videos()


def test_finds_video_files_in_any_case_and_depth(tmp_path):
    touch(tmp_path, "b.mp4", "A.MOV", "trip/day 1/c.mkv", "notes.txt", ".hidden.mp4", ".git/d.mp4")
    videos = list_videos(tmp_path)
    assert [video.id for video in videos] == ["A", "b", "trip__day_1__c"]
    assert videos[2].path == str(tmp_path / "trip/day 1/c.mkv")
    assert {video.split for video in videos} == {"train"}
    assert videos[0].frame_files is None
    assert videos[0].annotation_files is None


def test_numbered_images_are_a_video_in_order_of_number(tmp_path):
    touch(tmp_path, *[f"dog/frame{t}.jpg" for t in (2, 10, 1)], "dog/cover.jpg")
    (video,) = list_videos(tmp_path)
    assert video.id == "dog"
    assert video.frame_files == tuple(str(tmp_path / f"dog/frame{t}.jpg") for t in (1, 2, 10))


def test_two_series_in_a_folder_are_two_videos(tmp_path):
    touch(tmp_path, *[f"run/{side}_{t:04d}.png" for side in ("left", "right") for t in range(3)])
    videos = list_videos(tmp_path)
    assert [video.id for video in videos] == ["run__left__.png", "run__right__.png"]
    assert [len(video.frame_files) for video in videos] == [3, 3]


def test_a_single_numbered_image_is_no_video(tmp_path):
    touch(tmp_path, "cat.mp4", "thumbnail1.jpg")
    assert [video.id for video in list_videos(tmp_path)] == ["cat"]


def test_root_may_be_the_frames_of_one_video(tmp_path):
    touch(tmp_path / "dog", "00000.jpg", "00001.jpg")
    (video,) = list_videos(tmp_path / "dog")
    assert video.id == "dog"


def test_linked_folders_are_searched_once(tmp_path):
    touch(tmp_path, "elsewhere/cat.mp4", "root/dog.mp4")
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    assert [video.id for video in list_videos(tmp_path / "root")] == ["dog", "link__cat"]


def test_folder_without_videos(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(ConfigError, match=r"datasets\.mine\.root = .*: holds no video; expected"):
        list_videos(tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"datasets\.mine\.root = .*nowhere': no such folder"):
        list_videos(tmp_path / "nowhere")
