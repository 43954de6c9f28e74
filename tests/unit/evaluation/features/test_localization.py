"""CorLoc."""

import numpy as np
import pytest

from commonfate.evaluation.features.localization import box, score
from commonfate.models.grouping.spectral import spectrum

BOX = np.array([[0, 0, 10, 10]])
HALF = np.array([[0, 0, 10, 5], [50, 50, 60, 60]])
"""The first has an IoU of exactly one half with `BOX`."""
NONE = np.zeros((0, 4), int)


def test_an_overlap_below_one_half_is_wrong_and_above_it_is_right():
    for released in (False, True):
        result = score(
            np.repeat(BOX, 2, 0), [BOX * [1, 1, 1, 0.4], HALF * [1, 1, 1, 1.2]], released
        )
        assert result.items == pytest.approx([0.4, 0.6])
        assert result.metrics["CorLoc"] == 0.5


def test_one_half_exactly_is_not_more_than_one_half():
    assert score(BOX, [HALF]).metrics["CorLoc"] == 0
    assert score(BOX, [HALF], released=True).metrics["CorLoc"] == 1


def test_true_boxes_between_pixels_are_rounded_as_released():
    """COCO's are; LOST's and Deep Spectral's released code rounds them to whole pixels."""
    truth = [np.array([[0.4, 0, 10.4, 5.4]])]
    assert score(BOX, truth, released=True).items == pytest.approx([0.5])
    exact = 9.6 * 5.4
    assert score(BOX, truth).items == pytest.approx([exact / (100 + 10 * 5.4 - exact)])


def test_images_without_boxes_are_left_out_or_wrong():
    boxes, truth = np.repeat(BOX, 3, 0), [BOX, NONE, HALF[1:]]
    result = score(boxes, truth)
    assert result.metrics["CorLoc"] == 0.5
    assert list(result.left_out) == [1]
    assert np.isnan(result.items[1])
    released = score(boxes, truth, released=True)
    assert released.metrics["CorLoc"] == pytest.approx(1 / 3)
    assert not released.left_out


def test_no_image_has_no_score():
    assert np.isnan(score(BOX, [NONE]).metrics["CorLoc"])


def test_the_box_of_an_object_in_features():
    features = np.zeros((6, 8, 2), np.float32)
    features[..., 0] = 1
    features[2:4, 3:6] = [0.2, 1]
    vector = spectrum(features.reshape(48, 2)).vectors[1].reshape(6, 8)
    assert box(vector, 8, (50, 66)).tolist() == [24, 16, 48, 32]
    still = spectrum(np.ones((48, 2))).vectors[1].reshape(6, 8)
    assert box(still, 8, (50, 66)).tolist() == [0, 0, 64, 48]
