"""SegTrackv2 in the authors' layout, whose suffixes are mixed, and with merged objects."""

import numpy as np
import pytest
from PIL import Image

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotations
from commonfate.datasets.settings import SegTrackConfig


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def videos(root):
    return datasets.open("segtrackv2", SegTrackConfig(root=root), root).videos()


@pytest.fixture
def official(tmp_path):
    root = tmp_path / "SegTrack[v2]"  # characters that a pattern must not take for its own
    touch(root, "JPEGImages/CSI_NY.jpg", "JPEGImages/girl/.DS_Store")
    for t in (9, 10, 11):
        touch(root, f"JPEGImages/girl/girl_{t}.bmp", f"GroundTruth/girl/girl_{t}.png")
        touch(root, f"JPEGImages/cheetah/deer_{t:04d}.bmp")
        touch(root, f"GroundTruth/cheetah/1/deer_{t:04d}.bmp")
        touch(root, f"GroundTruth/cheetah/2/deer_{t:04d}.png")
    return root


def test_official_layout(official):
    cheetah, girl = videos(official)
    assert (girl.id, girl.split, girl.annotation_kind) == ("girl", "val", "binary")
    assert [file[-6:] for file in girl.frame_files] == ["_9.bmp", "10.bmp", "11.bmp"]
    assert [file[-6:] for file in girl.annotation_files] == ["_9.png", "10.png", "11.png"]
    assert (cheetah.id, cheetah.annotation_kind, len(cheetah.frame_files)) == (
        "cheetah",
        "union:2",
        3,
    )
    assert cheetah.annotation_files[0].endswith("/GroundTruth/cheetah/*/deer_0009.*")


def test_the_pattern_reads_all_objects_of_a_frame(official):
    for name, values in (("1/deer_0009.bmp", [[255, 0, 0]]), ("2/deer_0009.png", [[0, 0, 255]])):
        Image.fromarray(np.array(values, np.uint8)).save(official / "GroundTruth/cheetah" / name)
    cheetah, _ = videos(official)
    pattern = cheetah.annotation_files[0]
    foreground, void = annotations.read(pattern, cheetah.annotation_kind)
    assert foreground.tolist() == [[True, False, True]] and not void.any()
    assert annotations.size(pattern) == (1, 3)


def test_the_list_says_which_sequences_and_may_have_stars(official):
    (official / "ImageSets").mkdir()
    (official / "ImageSets/all.txt").write_text("*girl\n")
    assert [video.id for video in videos(official)] == ["girl"]
    (official / "ImageSets/all.txt").write_text("*girl\n*worm\n")
    with pytest.raises(StoreError, match=r"JPEGImages/worm: no such folder, but .*all\.txt lists"):
        videos(official)


def test_merged_masks_go_before_those_of_the_authors(official):
    for t in (9, 10, 11):
        touch(official, f"Annotations/cheetah/1/deer_{t:04d}.png")
        touch(official, f"Annotations/cheetah/deer_{t:04d}.png", f"Annotations/girl/girl_{t}.png")
    cheetah, girl = videos(official)
    assert cheetah.annotation_kind == girl.annotation_kind == "binary"
    assert cheetah.annotation_files[0].endswith("Annotations/cheetah/deer_0009.png")


def test_a_sequence_that_the_tool_left_unmerged_is_a_union(official):
    for t in (9, 10, 11):
        for item in range(1, 7):
            touch(official, f"Annotations/girl/{item}/girl_{t}.png")
        touch(official, f"Annotations/cheetah/deer_{t:04d}.png")
    assert [video.annotation_kind for video in videos(official)] == ["binary", "union:6"]


def test_frames_may_lack_a_mask_but_not_all_of_them(official):
    (official / "GroundTruth/girl/girl_10.png").unlink()
    assert videos(official)[1].annotation_files[1] == ""
    for t in (9, 11):
        (official / f"GroundTruth/girl/girl_{t}.png").unlink()
    with pytest.raises(StoreError, match=r"GroundTruth/girl: holds no mask"):
        videos(official)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("GroundTruth/cheetah/2/deer_0010.png", r"cheetah/2: lacks the mask of frame deer_0010"),
        ("JPEGImages/girl/girl_10.bmp", r"girl_10\.png: annotates no frame"),
    ],
)
def test_what_does_not_fit_together(official, missing, message):
    (official / missing).unlink()
    with pytest.raises(StoreError, match=message):
        videos(official)


def test_a_sequence_without_frames_and_a_root_without_anything(tmp_path):
    touch(tmp_path, "GroundTruth/girl/girl_9.png")
    with pytest.raises(StoreError, match="JPEGImages: no such folder"):
        videos(tmp_path)
    (tmp_path / "JPEGImages/girl").mkdir(parents=True)
    with pytest.raises(StoreError, match="JPEGImages/girl: holds no frame"):
        videos(tmp_path)
    with pytest.raises(ConfigError, match=r"datasets\.segtrackv2\.root = .*: no such folder"):
        videos(tmp_path / "nowhere")
