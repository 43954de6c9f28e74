"""F of binary masks, by hand."""

import numpy as np
import pytest

from commonfate.evaluation.masks.objects import f_measure, outline, radius


def square(top: int, left: int, side: int = 10, size: int = 40) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_radius_of_davis_frames():
    assert radius((480, 854)) == 8  # diagonal 979.65 px, 7.84 rounded up
    assert radius((480, 854), 3) == 3


def test_outline_of_one_pixel():
    mask = np.zeros((4, 4), bool)
    mask[1, 1] = True
    expected = np.zeros((4, 4), bool)
    expected[:2, :2] = True  # it differs from its left, upper and upper left neighbour
    np.testing.assert_array_equal(outline(mask), expected)


def test_mask_has_no_outline_along_the_border():
    assert not outline(np.ones((5, 6), bool)).any()
    half = np.zeros((5, 6), bool)
    half[:, 3:] = True
    assert outline(half).sum() == 5 and outline(half)[:, 2].all()


def test_shift_within_the_radius_costs_nothing():
    assert f_measure(square(10, 10), square(12, 10), bound=2) == 1.0
    assert f_measure(square(10, 10), square(10, 10)) == 1.0


def test_far_apart_is_zero():
    assert f_measure(square(0, 0, side=5), square(30, 30, side=5), bound=2) == 0.0


def test_half_of_the_prediction_is_right():
    # Precision 1/2 (the second square matches nothing), recall 1: F = 2/3.
    truth = square(5, 5)
    assert f_measure(truth | square(25, 25), truth, bound=2) == pytest.approx(2 / 3)


def test_empty_masks():
    empty, full = np.zeros((40, 40), bool), np.ones((40, 40), bool)
    assert f_measure(empty, empty) == 1.0
    assert f_measure(square(5, 5), empty) == 0.0
    assert f_measure(empty, square(5, 5)) == 0.0
    assert f_measure(full, empty) == 1.0  # neither has a boundary


def test_all_void_is_one():
    assert f_measure(square(5, 5), square(25, 25), np.ones((40, 40), bool)) == 1.0


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        f_measure(np.zeros((4, 4)), np.zeros((4, 5)))
