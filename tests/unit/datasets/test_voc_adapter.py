"""VOC 2012 semantic segmentation: listed images with label maps, in two layouts."""

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.settings import from_pairs, to_pairs
from commonfate.datasets import layouts
from commonfate.datasets.settings import VocConfig

LISTS = {"train": ["2007_1"], "trainaug": ["2008_9", "2007_1"], "val": ["2007_3"]}


def make(root, layout):
    images, lists = layouts.VOC_FOLDERS[layout]
    for folder in (images, lists, "SegmentationClass", "SegmentationClassAug"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for item, names in LISTS.items():
        (root / lists / f"{item}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            (root / images / f"{name}.jpg").touch()
            (root / layouts.VOC_LABELS[item] / f"{name}.png").touch()
    (root / images / "2011_7.jpg").touch()  # of the detection challenge, in no list
    return root


def videos(root, **settings):
    return datasets.open("voc", VocConfig(root=root, **settings), root).videos()


@pytest.mark.parametrize("layout", layouts.VOC_FOLDERS)
def test_both_layouts(tmp_path, layout):
    make(tmp_path, layout)
    result = videos(tmp_path, layout=layout)
    assert [(video.id, video.split) for video in result] == [
        ("2007_1", "train"),
        ("2007_3", "val"),
        ("2008_9", "train"),
    ]
    images, _ = layouts.VOC_FOLDERS[layout]
    first, val, _ = result
    assert first.frame_files == (f"{tmp_path}/{images}/2007_1.jpg",) == (first.path,)
    assert first.annotation_files == (f"{tmp_path}/SegmentationClassAug/2007_1.png",)
    assert val.annotation_files == (f"{tmp_path}/SegmentationClass/2007_3.png",)
    assert {video.annotation_kind for video in result} == {"classes"}


def test_the_list_of_the_split_train(tmp_path):
    make(tmp_path, "devkit")
    result = videos(tmp_path, train_list="train")
    assert [(video.id, video.split) for video in result] == [("2007_1", "train"), ("2007_3", "val")]
    assert result[0].annotation_files == (f"{tmp_path}/SegmentationClass/2007_1.png",)


def test_without_the_split_train_its_folder_is_not_needed(tmp_path):
    make(tmp_path, "devkit")
    (tmp_path / "SegmentationClassAug").rename(tmp_path / "x")
    settings = VocConfig(root=tmp_path, splits=("val",))
    assert len(datasets.stamps("voc", settings, "unused")) == 1
    assert "SegmentationClassAug" not in datasets.layout(settings)
    with pytest.raises(StoreError, match="SegmentationClassAug: no such folder; docs/datasets"):
        videos(tmp_path)


def test_lists_may_hold_paths_as_those_of_deeplab(tmp_path):
    make(tmp_path, "devkit")
    (tmp_path / "ImageSets/Segmentation/trainaug.txt").write_text(
        "/JPEGImages/2008_9.jpg /SegmentationClassAug/2008_9.png\n\n"
    )
    assert [video.id for video in videos(tmp_path, splits=("train",))] == ["2008_9"]


@pytest.mark.parametrize("missing", ["JPEGImages/2008_9.jpg", "SegmentationClassAug/2008_9.png"])
def test_a_listed_file_that_is_missing(tmp_path, missing):
    (make(tmp_path, "devkit") / missing).unlink()
    with pytest.raises(StoreError) as error:
        videos(tmp_path)
    lists = tmp_path / "ImageSets/Segmentation"
    message = f"{tmp_path / missing}: missing, but {lists / 'trainaug.txt'} lists it; "
    assert str(error.value).startswith(message)


def test_lists_that_are_missing_empty_or_overlap(tmp_path):
    lists = make(tmp_path, "devkit") / "ImageSets/Segmentation"
    (lists / "val.txt").write_text("2007_3\n2007_1\n")
    (tmp_path / "SegmentationClass/2007_1.png").touch()
    with pytest.raises(
        StoreError, match=r"2007_1\.jpg: is listed twice, in the splits 'train' and"
    ):
        videos(tmp_path)
    (lists / "val.txt").write_text("\n")
    with pytest.raises(StoreError, match=r"val\.txt: the list is empty; docs/datasets\.md"):
        videos(tmp_path)
    (lists / "trainaug.txt").unlink()
    with pytest.raises(ConfigError, match=r"trainaug\.txt: no such list, but the split 'train' is"):
        videos(tmp_path)


def test_classes_and_settings():
    settings = VocConfig(root="/data", layout="voc_data", train_list="train")
    assert from_pairs(VocConfig, to_pairs(settings)) == settings
    assert settings.gaps == settings.pair_gaps == ()
    names = datasets.class_names(settings)
    assert len(names) == 21
    assert (names[0], names[1], names[15], names[20]) == (
        "background",
        "aeroplane",
        "person",
        "tvmonitor",
    )
