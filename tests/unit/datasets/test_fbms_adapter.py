"""FBMS-59: two splits, sparse ground truth of two formats, and the cleaned layout."""

import pytest
from PIL import Image

from commonfate import datasets
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import annotations
from commonfate.datasets.fbms import TEST_SEQUENCES
from commonfate.datasets.settings import FbmsConfig


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def videos(root, **settings):
    return datasets.open("fbms59", FbmsConfig(root=root, **settings), root).videos()


@pytest.fixture
def official(tmp_path):
    train, test = tmp_path / "Trainingset", tmp_path / "Testset"
    for t in range(1, 12):
        touch(train, f"bear01/bear01_{t:04d}.jpg")
        touch(test, f"marple7/marple7_{t:02d}.jpg", f"tennis/tennis{t + 453}.jpg")
    touch(train, "bear01/bear01.bmf", "bear01/GroundTruth/bear01Def.dat")
    for t in (1, 10):
        touch(train, f"bear01/GroundTruth/bear01_{t:04d}_gt.ppm")
        touch(train, f"bear01/GroundTruth/bear01_{t:04d}_PROB_gt.ppm")
        touch(train, f"bear01/GroundTruth/bear01_{t:04d}_prob.pgm")
    touch(test, "marple7/GroundTruth/marple7_11.pgm", "tennis/GroundTruth/tennis455.pgm")
    return tmp_path


def test_official_layout(official):
    bear, marple, tennis = videos(official)
    assert [(v.id, v.split) for v in (bear, marple, tennis)] == [
        ("bear01", "train"),
        ("marple7", "val"),
        ("tennis", "val"),
    ]
    assert len(bear.frame_files) == len(bear.annotation_files) == 11
    annotated = [t for t, file in enumerate(bear.annotation_files) if file]
    assert annotated == [0, 9]
    assert bear.annotation_files[9].endswith("GroundTruth/bear01_0010_gt.ppm")
    assert marple.annotation_files[10].endswith("marple7_11.pgm")
    # The number in the name counts, wherever the first frame's begins.
    assert [t for t, file in enumerate(tennis.annotation_files) if file] == [1]


def test_the_threshold_of_the_sequence_is_in_the_kind(official):
    assert [v.annotation_kind for v in videos(official)] == ["fbms:0.1", "fbms:0.05", "fbms:0.1"]


@pytest.mark.parametrize(
    ("sequence", "threshold"), [("marple2", 0.4), ("marple7", 0.05), ("marple6", 0.1)]
)
def test_two_sequences_have_thresholds_of_their_own(tmp_path, sequence, threshold):
    """As MotionGrouping's tools/FBMS_clean.py has them."""
    folder = tmp_path / "Testset" / sequence
    touch(folder, f"{sequence}_01.jpg", f"GroundTruth/{sequence}_01.pgm")
    (video,) = videos(tmp_path, splits=("val",))
    assert video.annotation_kind == f"fbms:{threshold}"
    for grey in (threshold - 0.01, threshold + 0.01):
        Image.new("L", (2, 2), round(255 * grey)).save(video.annotation_files[0])
        foreground, _ = annotations.read(video.annotation_files[0], video.annotation_kind)
        assert foreground.all() == (grey > threshold)


def test_reads_only_the_splits_that_are_set(official):
    assert [v.id for v in videos(official, splits=("train",))] == ["bear01"]
    for file in sorted((official / "Testset").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (official / "Testset").rmdir()
    with pytest.raises(ConfigError, match=r"Testset: no such folder, but the split 'val'.*splits"):
        videos(official)


def test_cleaned_layout(tmp_path):
    for name in ("marple7", "bear01"):
        for t in range(1, 5):
            touch(tmp_path, f"JPEGImages/{name}/{t:05d}.jpg")
        touch(tmp_path, f"Annotations/{name}/00003.png")
    bear, marple = videos(tmp_path)
    assert (bear.split, marple.split) == ("train", "val")
    assert bear.annotation_kind == marple.annotation_kind == "binary"
    assert [bool(file) for file in marple.annotation_files] == [False, False, True, False]
    assert [v.id for v in videos(tmp_path, splits=("val",))] == ["marple7"]


def test_the_test_set_has_thirty_sequences():
    assert len(TEST_SEQUENCES) == 30


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("GroundTruth/bear01_0012_gt.ppm", r"annotates frame 12, which .*bear01 does not have"),
        ("GroundTruth/b_10_gt.ppm", r"b_10_gt\.ppm is of frame 10, too|is of frame 10, too"),
        ("cover.jpg", r"cover\.jpg: has no frame number in its name"),
    ],
)
def test_files_that_fit_nowhere(official, more, message):
    touch(official, f"Trainingset/bear01/{more}")
    with pytest.raises(StoreError, match=message):
        videos(official)


def test_a_sequence_without_ground_truth_or_frames(official):
    (official / "Testset/marple7/GroundTruth/marple7_11.pgm").unlink()
    with pytest.raises(StoreError, match=r"marple7/GroundTruth: holds no ground truth"):
        videos(official)
    (official / "Testset/empty").mkdir()
    with pytest.raises(StoreError, match=r"Testset/empty: holds no frame"):
        videos(official)
