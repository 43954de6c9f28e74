"""DAVIS's lists, read as they are in the official layout."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets.settings import DavisConfig


def make_davis(root, sequences, split="val"):
    lines = []
    for name, frames in sequences.items():
        for top, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            folder = root / top / "480p" / name
            folder.mkdir(parents=True)
            for t in range(frames):
                (folder / f"{t:05d}.{suffix}").touch()
        lines += [
            f"/JPEGImages/480p/{name}/{t:05d}.jpg /Annotations/480p/{name}/{t:05d}.png"
            for t in range(frames)
        ]
    lists = root / "ImageSets" / "480p"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / f"{split}.txt").write_text("\n".join(lines) + "\n")


def list_videos(root, **settings):
    return datasets.open("davis2016", DavisConfig(root=root, **settings), root).videos()


def test_reads_both_splits_sorted_by_id(tmp_path):
    make_davis(tmp_path, {"dog": 3, "bear": 2}, "train")
    make_davis(tmp_path, {"camel": 2}, "val")
    videos = list_videos(tmp_path)
    assert [(video.id, video.split) for video in videos] == [
        ("bear", "train"),
        ("camel", "val"),
        ("dog", "train"),
    ]
    dog = videos[2]
    assert dog.path == str(tmp_path / "JPEGImages/480p/dog")
    assert dog.frame_files == tuple(f"{dog.path}/{t:05d}.jpg" for t in range(3))
    assert dog.annotation_files[2] == str(tmp_path / "Annotations/480p/dog/00002.png")
    assert dog.annotation_kind == "binary"
    assert dog.truth == ""


def test_missing_list_says_which_splits_are_there(tmp_path):
    make_davis(tmp_path, {"camel": 2}, "val")
    with pytest.raises(ConfigError) as error:
        list_videos(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/ImageSets/480p/train.txt: no such list, but the split 'train' is wanted; "
        f"set datasets.davis2016.splits to [val]"
    )


def test_reads_only_the_splits_that_are_set(tmp_path):
    make_davis(tmp_path, {"camel": 2}, "val")
    assert [video.id for video in list_videos(tmp_path, splits=("val",))] == ["camel"]


def test_missing_root(tmp_path):
    with pytest.raises(
        ConfigError, match=r"datasets\.davis2016\.root = .*nowhere': no such folder"
    ):
        list_videos(tmp_path / "nowhere")


def test_root_without_lists(tmp_path):
    (tmp_path / "README").touch()
    with pytest.raises(
        ConfigError, match=r"val\.txt: no such list.*check datasets\.davis2016\.root"
    ):
        list_videos(tmp_path, splits=("val",))


@pytest.mark.parametrize(
    "file", ["JPEGImages/480p/dog/00001.jpg", "Annotations/480p/dog/00000.png"]
)
def test_listed_file_that_is_missing(tmp_path, file):
    make_davis(tmp_path, {"dog": 3})
    (tmp_path / file).unlink()
    with pytest.raises(StoreError) as error:
        list_videos(tmp_path, splits=("val",))
    assert str(error.value).startswith(f"{tmp_path / file}: missing, but {tmp_path}/ImageSets")


def test_listed_folder_that_is_missing(tmp_path):
    make_davis(tmp_path, {"dog": 1})
    (tmp_path / "Annotations/480p/dog/00000.png").unlink()
    (tmp_path / "Annotations/480p/dog").rmdir()
    with pytest.raises(StoreError, match=r"Annotations/480p/dog: no such folder, but .*val\.txt"):
        list_videos(tmp_path, splits=("val",))


def test_line_that_is_no_pair(tmp_path):
    make_davis(tmp_path, {"dog": 2})
    list_file = tmp_path / "ImageSets/480p/val.txt"
    list_file.write_text(list_file.read_text() + "/JPEGImages/480p/dog/00002.jpg\n")
    with pytest.raises(StoreError, match=r"val\.txt, line 3: expected an image and its annotation"):
        list_videos(tmp_path, splits=("val",))


def test_frame_that_is_listed_twice(tmp_path):
    make_davis(tmp_path, {"dog": 3})
    list_file = tmp_path / "ImageSets/480p/val.txt"
    lines = list_file.read_text()
    list_file.write_text(lines + lines.splitlines()[1] + "\n")
    with pytest.raises(
        StoreError,
        match=r"val\.txt, line 4: lists .*dog/00001\.jpg again, after line 2; delete one",
    ):
        list_videos(tmp_path, splits=["val"])


def test_empty_list(tmp_path):
    make_davis(tmp_path, {})
    with pytest.raises(StoreError, match=r"val\.txt: the list is empty"):
        list_videos(tmp_path, splits=("val",))


def test_real_subset(davis_root):
    videos = list_videos(davis_root, splits=("val",))
    assert len(videos) >= 8
    dog = next(video for video in videos if video.id == "dog")
    assert len(dog.frame_files) == len(dog.annotation_files) == 60
