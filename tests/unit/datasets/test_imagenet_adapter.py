"""ImageNet: the label of an image is its folder."""

import pytest

from commonfate import datasets
from commonfate.base.errors import StoreError
from commonfate.datasets import inventory
from commonfate.datasets.settings import ImagenetConfig


@pytest.fixture
def root(tmp_path):
    for name in ("train/n02/n02_7.JPEG", "train/n01/n01_10.JPEG", "train/n01/n01_9.JPEG"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "val/n02").mkdir(parents=True)
    (tmp_path / "val/n02/ILSVRC2012_val_00000001.JPEG").touch()
    return tmp_path


def videos(root, **settings):
    return datasets.videos("imagenet", ImagenetConfig(root=root, **settings), "unused")


def test_labels_of_images(root):
    result = videos(root)
    assert [(video.id, video.split, video.label) for video in result] == [
        ("train__n01__n01_10", "train", "n01"),
        ("train__n01__n01_9", "train", "n01"),
        ("train__n02__n02_7", "train", "n02"),
        ("val__n02__ILSVRC2012_val_00000001", "val", "n02"),
    ]
    assert result[2].frame_files == (f"{root}/train/n02/n02_7.JPEG",)
    assert result[2].annotation_files is None and result[2].annotation_kind == ""
    assert list(inventory.build(result, 2)["label"]) == ["n01", "n01", "n02", "n02"]


def test_stamps_are_those_of_the_classes(root):
    settings = ImagenetConfig(root=root, splits=("train",))
    before = datasets.stamps("imagenet", settings, "unused")
    assert list(before) == ["train__n01__n01_9", "train__n01__n01_10", "train__n02__n02_7"]
    (root / "train/n02/n02_8.JPEG").touch()
    after = datasets.stamps("imagenet", settings, "unused")
    assert after["train__n01__n01_9"] == before["train__n01__n01_9"]
    assert after["train__n02__n02_7"] != before["train__n02__n02_7"]


def test_images_that_are_not_sorted_into_classes(root):
    (root / "val/n02/ILSVRC2012_val_00000001.JPEG").rename(root / "val/a.JPEG")
    with pytest.raises(StoreError, match="val/n02: holds no image; complete the download"):
        videos(root)
    (root / "val/n02").rmdir()
    with pytest.raises(
        StoreError, match=r"val: holds no folder of a class; expected val/<class>/<"
    ):
        videos(root)
    (root / "val/a.JPEG").unlink()
    (root / "val").rmdir()
    with pytest.raises(StoreError, match=r"val: no such folder; .* datasets\.imagenet\.splits"):
        videos(root)
    assert len(videos(root, splits=("train",))) == 3


def test_a_shard_is_larger_than_of_videos():
    assert ImagenetConfig(root="/data").shard_size == 20_000
