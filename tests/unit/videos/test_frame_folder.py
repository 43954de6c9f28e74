"""Folders of frames: numbers, headers and sizes."""

import numpy as np
import pytest
from PIL import Image

from commonfate.videos.container import DecodeError
from commonfate.videos.frame_folder import check_numbering, frame_size


@pytest.fixture
def frames(tmp_path):
    files = [tmp_path / f"{t:05d}.png" for t in range(4)]
    for file in files:
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(file)
    return files


def test_size_is_height_and_width(frames):
    assert frame_size(frames) == (20, 30)


def test_other_size(frames):
    Image.fromarray(np.zeros((20, 31, 3), np.uint8)).save(frames[2])
    with pytest.raises(
        DecodeError, match=r"changing size: 00002\.png is 31x20, the frames before it are 30x20"
    ):
        frame_size(frames)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.unlink(), r"missing frame: 00002\.png"),
        (lambda file: file.write_bytes(b""), r"frame 00002\.png is an empty file"),
        (lambda file: file.write_text("text"), r"frame 00002\.png is not an image"),
    ],
)
def test_broken_frame(frames, spoil, reason):
    spoil(frames[2])
    with pytest.raises(DecodeError, match=reason):
        frame_size(frames)


@pytest.mark.parametrize(
    "names",
    [
        ["00000.jpg", "00001.jpg", "00002.jpg"],
        ["frame_9.png", "frame_10.png", "frame_11.png"],
        ["00000.jpg", "00005.jpg", "00010.jpg", "00015.jpg"],
        ["7.png"],
        ["0001_rgb.png", "0002_rgb.png", "0003_rgb.png"],
        ["1_depth16.png", "2_depth16.png"],
        ["0.jpeg", "1.jpg", "2.JPG"],
    ],
)
def test_numbers_without_gap(names):
    check_numbering(names)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a/00000.jpg", "a/00001.jpg", "a/00003.jpg"], "missing frame: 00002.jpg"),
        (["f8.png", "f9.png", "f11.png", "f12.png"], "missing frame: f10.png"),
        (["00000.jpg", "00005.jpg", "00015.jpg", "00020.jpg"], "missing frame: 00010.jpg"),
        (["9_rgb2.png", "10_rgb2.png", "12_rgb2.png"], "missing frame: 11_rgb2.png"),
        (["1.jpg", "01.jpg", "2.jpg", "3.jpg"], "two frames have the number of 1.jpg"),
        (["cat.jpg", "dog.jpg"], "frame cat.jpg has no number in its name"),
    ],
)
def test_numbers_with_gap(names, reason):
    with pytest.raises(DecodeError) as error:
        check_numbering(names)
    assert str(error.value).startswith(reason)
