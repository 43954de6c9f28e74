"""Images of the benchmark on real images, without real images."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import real_data


@pytest.mark.parametrize(
    ("size", "shape"), [((480, 854), (240, 424, 3)), ((100, 60), (400, 240, 3))]
)
def test_images_are_cut_to_whole_patches(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert real_data.resized(np.zeros((*size, 3), np.uint8), 240, 8).shape == shape


def test_a_centred_box_has_its_share_of_each_side() -> None:
    assert real_data.centred((100, 200), 0.8).tolist() == pytest.approx([20, 10, 180, 90])


def test_an_empty_mask_has_no_box() -> None:
    masks = [np.zeros((2, 3), np.uint8), np.array([[0, 1, 1], [0, 0, 0]], np.uint8)]
    assert [box.tolist() for box in real_data.boxes_of(masks)] == [[], [[1, 0, 3, 1]]]
