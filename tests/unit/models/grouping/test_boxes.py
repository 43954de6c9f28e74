"""Boxes of masks, and their overlap."""

import numpy as np
import pytest

from commonfate.models.grouping.boxes import (
    RELEASED_EPSILON,
    box_of_patches,
    largest_component,
    overlap,
)

CORNERS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def test_diagonal_neighbours_belong_together_and_the_first_of_a_tie_is_taken():
    expected = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], bool)
    assert np.array_equal(largest_component(CORNERS), expected)
    with pytest.raises(ValueError, match="empty"):
        largest_component(np.zeros((2, 2), bool))


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (CORNERS, [0, 0, 16, 16]),
        (np.zeros((3, 4), bool), [0, 0, 30, 24]),  # empty: the image, clipped to its 30 pixels
        (np.ones((3, 4), bool), [0, 0, 30, 24]),
        (np.arange(12).reshape(3, 4) > 0, [0, 0, 8, 8]),  # more than half: inverted
        (np.arange(12).reshape(3, 4) % 4 > 1, [16, 0, 30, 24]),  # half: not inverted
    ],
)
def test_boxes_in_pixels(mask, expected):
    assert box_of_patches(mask, 8, (24, 30)).tolist() == expected


def test_iou_by_hand():
    a = np.array([[0, 0, 10, 10], [3, 3, 3, 3]])
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 10, 20, 20], [3, 3, 3, 3]])
    np.testing.assert_allclose(overlap(a, b), [[1, 50 / 150, 0, 0], [0, 0, 0, 0]])
    assert overlap(a, b, RELEASED_EPSILON)[0, 1] == pytest.approx(1 / 3, abs=1e-8)
    assert overlap(a, np.zeros((0, 4))).shape == (2, 0)
