"""Series of numbered images: which belong together, in which order, and which are left over."""

import pytest

from commonfate.datasets import series
from commonfate.datasets.series import Series


@pytest.mark.parametrize(
    ("names", "pattern", "ordered"),
    [
        ("f2.jpg f10.jpg f1.jpg", "f*.jpg", "f1.jpg f2.jpg f10.jpg"),
        ("1.jpeg 0.jpg 2.JPG", "*.jpg", "0.jpg 1.jpeg 2.JPG"),
        ("1.tif 2.tiff", "*.tiff", "1.tif 2.tiff"),
        ("5.png 0.jpg 10.jpg", "*.*", "0.jpg 5.png 10.jpg"),
        ("2_rgb.png 1_rgb.png", "*_rgb.png", "1_rgb.png 2_rgb.png"),
        ("cam1_2_d16.png cam1_1_d16.png", "cam1_*_d16.png", "cam1_1_d16.png cam1_2_d16.png"),
    ],
)
def test_one_series_in_order_of_number(names, pattern, ordered):
    result, others = series.find(names.split())
    assert result == [Series(pattern, tuple(ordered.split()))]
    assert others == []


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        ("left_1.png left_2.png right_1.png right_2.png", ["left_*.png", "right_*.png"]),
        ("1_rgb.png 2_rgb.png 1_depth.png 2_depth.png", ["*_rgb.png", "*_depth.png"]),
        ("1.jpg 2.jpg 1.png 2.png", ["*.jpg", "*.png"]),
        ("1.jpg 2.jpg 1.jpeg 2.jpeg", ["*.jpeg", "*.jpg"]),
        ("1.jpg 2.jpg 10.png 11.png", ["*.jpg", "*.png"]),  # one sequence would have a gap
    ],
)
def test_several_series(names, patterns):
    result, others = series.find(names.split())
    assert [part.pattern for part in result] == patterns
    assert sum(len(part.names) for part in result) == len(names.split())
    assert others == []


def test_what_belongs_to_no_series():
    result, others = series.find(["cover.jpg", "1.png", "2.png", "poster7.jpg"])
    assert [part.names for part in result] == [("1.png", "2.png")]
    assert others == ["cover.jpg", "poster7.jpg"]
    assert series.find([]) == ([], [])
