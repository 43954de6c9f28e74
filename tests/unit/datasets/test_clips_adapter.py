"""UVO, VSPW, Moments in Time, EPIC-KITCHENS: videos without annotations."""

import pytest

from commonfate import datasets
from commonfate.base.errors import StoreError
from commonfate.datasets.settings import EpicConfig, MomentsConfig, UvoConfig, VspwConfig


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def videos(settings):
    return datasets.videos("mine", settings, "unused")


def test_uvo_with_a_video_in_both_folders(tmp_path):
    touch(tmp_path, "uvo_videos_dense/-a1.mp4", "uvo_videos_sparse/-a1.mp4", "annotations/x.json")
    result = videos(UvoConfig(root=tmp_path, every=5))
    assert [video.id for video in result] == ["dense___a1", "sparse___a1"]
    assert {(video.split, video.every, video.label) for video in result} == {("train", 5, "")}


def test_vspw_reads_frames_and_no_masks(tmp_path):
    for name in ("2_b", "1_-a"):
        touch(tmp_path, *(f"data/{name}/origin/{t:08d}.jpg" for t in range(10, 17)))
        touch(tmp_path, *(f"data/{name}/mask/{t:08d}.png" for t in range(10, 17)))
    first, second = videos(VspwConfig(root=tmp_path, every=5))
    assert (first.id, second.id) == ("1_-a", "2_b")
    assert [file[-12:] for file in first.frame_files] == ["00000010.jpg", "00000015.jpg"]
    assert first.annotation_files is None
    (tmp_path / "data/3_c/origin").mkdir(parents=True)
    with pytest.raises(StoreError, match="3_c/origin: holds no frame; complete the download"):
        videos(VspwConfig(root=tmp_path))


def test_moments_have_labels(tmp_path):
    touch(tmp_path, "training/adult+female+singing/a.mp4", "training/boxing/a.mp4")
    touch(tmp_path, "validation/boxing/b.mp4")
    result = videos(MomentsConfig(root=tmp_path, splits=("train", "val")))
    assert [(video.id, video.split, video.label) for video in result] == [
        ("train__adult_female_singing__a", "train", "adult+female+singing"),
        ("train__boxing__a", "train", "boxing"),
        ("val__boxing__b", "val", "boxing"),
    ]
    assert len(videos(MomentsConfig(root=tmp_path))) == 2
    (tmp_path / "validation").rename(tmp_path / "x")
    with pytest.raises(StoreError, match="/validation: no such folder, but the split 'val'"):
        videos(MomentsConfig(root=tmp_path, splits=("val",)))


def test_epic_kitchens(tmp_path):
    touch(tmp_path, "P01/videos/P01_01.MP4", "P01/rgb_frames/P01_01.tar", "P22/videos/P22_07.MP4")
    assert [video.id for video in videos(EpicConfig(root=tmp_path))] == ["P01_01", "P22_07"]


@pytest.mark.parametrize("model", [UvoConfig, VspwConfig, EpicConfig])
def test_a_folder_of_something_else(tmp_path, model):
    touch(tmp_path, "readme.txt")
    with pytest.raises(StoreError) as error:
        videos(model(root=tmp_path))
    message = str(error.value)
    assert message.startswith(f"{tmp_path}: holds none of the videos that are expected there: ")
    assert "docs/datasets.md" in message and "\n" not in message
