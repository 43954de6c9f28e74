"""Datasets that are not there yet: a plan can be made, a run says what belongs where."""

from pathlib import Path

import pytest

from commonfate import datasets
from commonfate.base.errors import ConfigError
from commonfate.datasets import layouts
from commonfate.datasets.settings import (
    Coco20kConfig,
    CocoStuff27Config,
    Davis2017Config,
    DavisConfig,
    EpicConfig,
    FbmsConfig,
    FolderConfig,
    ImagenetConfig,
    ImagesConfig,
    MomentsConfig,
    SegTrackConfig,
    SpriteImagesConfig,
    SpritesConfig,
    UvoConfig,
    VisorConfig,
    VocBoxesConfig,
    VocConfig,
    VspwConfig,
    YoutubeVosConfig,
)

DOCS = Path(__file__).parents[3] / "docs" / "datasets.md"
SETTINGS = [
    DavisConfig(root="/data/DAVIS2016"),
    SegTrackConfig(root="/data/SegTrackv2"),
    FbmsConfig(root="/data/FBMS"),
    *(ImagesConfig(root="/data/images", layout=layout) for layout in layouts.IMAGE_FOLDERS),
    YoutubeVosConfig(root="/data/YouTubeVOS"),
    *(VocConfig(root="/data/VOC2012", layout=layout) for layout in layouts.VOC_FOLDERS),
    Davis2017Config(root="/data/DAVIS"),
    VisorConfig(root="/data/VISOR_2022"),
    UvoConfig(root="/data/UVOv1.0"),
    VspwConfig(root="/data/VSPW_480p"),
    MomentsConfig(root="/data/Moments_in_Time_Raw"),
    EpicConfig(root="/data/EPIC-KITCHENS"),
    VocBoxesConfig(root="/data/VOC2007"),
    Coco20kConfig(root="/data/COCO"),
    *(
        CocoStuff27Config(root="/data/cocostuff", layout=name, curated=True)
        for name in layouts.COCO_STUFF_IMAGES
    ),
    ImagenetConfig(root="/data/imagenet"),
]
FOLDERS = {
    "davis": ["JPEGImages/480p", "Annotations/480p", "ImageSets/480p"],
    "segtrack": ["JPEGImages", "GroundTruth"],
    "fbms": ["Trainingset", "Testset"],
    "duts": ["DUTS-TE/DUTS-TE-Image", "DUTS-TE/DUTS-TE-Mask"],
    "youtube_vos": ["train_all_frames/JPEGImages", "train/Annotations"],
    "devkit": ["JPEGImages", "SegmentationClassAug", "SegmentationClass", "ImageSets/Segmentation"],
    "davis2017": ["JPEGImages/480p", "Annotations_unsupervised/480p", "ImageSets/2017"],
    "visor": ["JPEGImages/480p", "Annotations/480p", "ImageSets/2022"],
    "vspw": ["data"],
    "epic": ["P01/videos"],
    "voc_boxes": ["JPEGImages", "Annotations", "ImageSets/Main"],
    "coco20k": ["images/train2014", "annotations"],
    "imagenet": ["train", "val"],
    "voc_data": ["images", "SegmentationClassAug", "SegmentationClass", "sets"],
}


def key(settings):
    return getattr(settings, "layout", settings.adapter)


@pytest.mark.parametrize("settings", SETTINGS, ids=key)
def test_empty_folders_can_be_planned_with_but_not_run(tmp_path, settings):
    settings = settings.model_copy(update={"root": tmp_path})
    for folder in datasets.layout(settings):
        (tmp_path / folder / "sequence").mkdir(parents=True)
    (tmp_path / ".gitkeep").touch()
    assert datasets.stamps("mine", settings, "unused") == {}
    with pytest.raises(ConfigError) as error:
        datasets.open("mine", settings, "unused").videos()
    message = str(error.value)
    assert message.startswith(f"datasets.mine.root = '{tmp_path}': holds no file; expected there: ")
    assert all(folder in message for folder in datasets.layout(settings))
    assert "\n" not in message and "docs/datasets.md" in message


@pytest.mark.parametrize("settings", SETTINGS, ids=key)
def test_the_page_shows_every_layout(settings):
    page = DOCS.read_text()
    for folder in datasets.layout(settings):
        assert f"{folder}/" in page


def test_folders_of_the_layouts():
    result = {key(settings): datasets.layout(settings) for settings in SETTINGS}
    assert {name: result[name] for name in FOLDERS} == FOLDERS


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path):
    with pytest.raises(ConfigError, match=r"datasets\.mine\.root = .*: no such folder"):
        datasets.stamps("mine", SegTrackConfig(root=tmp_path / "x"), "unused")


@pytest.mark.parametrize(
    "settings",
    [SpritesConfig(videos=7, frames=3), SpriteImagesConfig(images=5, train_images=3)],
)
def test_rendered_data_have_stamps_before_they_are_rendered(tmp_path, settings):
    ids = [video.id for video in datasets.videos("sprites", settings, tmp_path / "x")]
    assert sorted(datasets.stamps("sprites", settings, tmp_path / "x")) == ids


def test_a_folder_without_a_file_has_no_stamps(tmp_path):
    assert datasets.stamps("mine", FolderConfig(root=tmp_path), "unused") == {}
    (tmp_path / "a.mp4").touch()
    assert list(datasets.stamps("mine", FolderConfig(root=tmp_path), "unused")) == ["a"]
