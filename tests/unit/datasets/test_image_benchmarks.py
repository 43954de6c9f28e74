"""Image benchmarks: images and masks paired by name."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.datasets import layouts
from commonfate.datasets.images import WITHOUT_MASK
from commonfate.datasets.settings import ImagesConfig


def videos(root, layout="pairs"):
    return datasets.open("cub", ImagesConfig(root=root, layout=layout), root).videos()


def make(root, layout, names, folder=""):
    for top, suffix in zip(layouts.IMAGE_FOLDERS[layout], ("jpg", "png"), strict=True):
        (root / top / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (root / top / folder / f"{name}.{suffix}").touch()


@pytest.mark.parametrize("layout", layouts.IMAGE_FOLDERS)
def test_each_image_is_a_video_of_one_frame(tmp_path, layout):
    make(tmp_path, layout, ["b", "a"])
    (tmp_path / layouts.IMAGE_FOLDERS[layout][0] / "._a.jpg").touch()  # what macOS leaves behind
    (tmp_path / "__MACOSX").mkdir()
    first, second = videos(tmp_path, layout)
    assert (first.id, second.id) == ("a", "b")
    image, mask = (str(tmp_path / top) for top in layouts.IMAGE_FOLDERS[layout])
    assert first.frame_files == (f"{image}/a.jpg",) and first.path == f"{image}/a.jpg"
    assert first.annotation_files == (f"{mask}/a.png",)
    assert (first.split, first.annotation_kind) == ("val", "grey")


def test_folders_of_classes_become_part_of_the_name(tmp_path):
    make(tmp_path, "cub", ["bird_1"], "001.Black Albatross")
    make(tmp_path, "cub", ["bird_1"], "002.Ani")
    assert [video.id for video in videos(tmp_path, "cub")] == [
        "001.Black_Albatross__bird_1",
        "002.Ani__bird_1",
    ]


def test_photographs_without_masks_are_to_learn_from(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("2.jpg", "b/1.png", "notes.txt", "b/.hidden.jpg"):
        (tmp_path / name).touch()
    first, second = videos(tmp_path, "plain")
    assert (first.id, second.id) == ("2", "b__1")
    assert second.frame_files == (f"{tmp_path}/b/1.png",)
    assert {(video.split, video.annotation_files) for video in (first, second)} == {("train", None)}


def test_a_folder_without_photographs(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StoreError, match="holds no image"):
        videos(tmp_path, "plain")


def test_images_without_flow_have_no_gaps():
    settings = ImagesConfig(root="/data", layout="duts")
    assert settings.gaps == ()
    assert from_pairs(ImagesConfig, to_pairs(settings)) == settings
    with pytest.raises(ConfigError, match="--set: gaps = "):
        from_pairs(ImagesConfig, ["root=/data", "gaps=[1]"])


def test_an_image_without_mask_and_a_mask_without_image(tmp_path):
    make(tmp_path, "duts", ["a", "b", "c"])
    images, masks = (tmp_path / top for top in layouts.IMAGE_FOLDERS["duts"])
    (masks / "b.png").unlink()
    with pytest.raises(StoreError, match=r"b\.jpg: has no mask in .*DUTS-TE-Mask \(1 images"):
        videos(tmp_path, "duts")
    (images / "b.jpg").unlink()
    (images / "c.jpg").unlink()
    with pytest.raises(StoreError, match=r"c\.png: is a mask of no image"):
        videos(tmp_path, "duts")


def test_the_four_images_of_omron_that_never_had_a_mask_are_left_out(tmp_path):
    make(tmp_path, "dut_omron", ["im005"])
    for name in WITHOUT_MASK:
        (tmp_path / "DUT-OMRON-image" / f"{name}.jpg").touch()
    assert [video.id for video in videos(tmp_path, "dut_omron")] == ["im005"]


def test_two_images_of_one_name(tmp_path):
    make(tmp_path, "pairs", ["a"])
    (tmp_path / "images/a.png").touch()
    with pytest.raises(StoreError, match=r"images/a\.png: a\.jpg has the same name"):
        videos(tmp_path)


def test_a_folder_that_is_missing_or_empty(tmp_path):
    make(tmp_path, "pairs", ["a"])
    (tmp_path / "masks/a.png").unlink()
    with pytest.raises(StoreError, match=r"masks: holds no image; docs/datasets\.md says"):
        videos(tmp_path)
    with pytest.raises(StoreError, match=r"ground_truth_mask: no such folder; docs/datasets\.md"):
        videos(tmp_path, "ecssd")
