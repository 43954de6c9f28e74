"""J of binary masks, by hand."""

import numpy as np
import pytest

from commonfate.evaluation.masks.jaccard import count, jaccard

EMPTY = np.zeros((3, 4), bool)
LEFT = np.repeat([[True, True, False, False]], 3, axis=0)  # 6 pixels
TOP = np.array([[True] * 4, [False] * 4, [False] * 4])  # 4 pixels, 2 of them in LEFT


def test_counts_and_ratio():
    intersection, union = count(LEFT, TOP)
    assert (intersection, union) == (2, 8)
    assert intersection.dtype == union.dtype == np.int64
    assert jaccard(intersection, union) == 0.25


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [(EMPTY, EMPTY, 1.0), (LEFT, EMPTY, 0.0), (EMPTY, LEFT, 0.0), (TOP, TOP, 1.0)],
    ids=["both empty", "object absent", "nothing predicted", "equal"],
)
def test_empty_masks(prediction, truth, expected):
    assert jaccard(*count(prediction, truth)) == expected


def test_void_pixels_do_not_count():
    void = np.zeros((3, 4), bool)
    void[0] = True  # the whole of TOP: 4 of LEFT's 6 pixels remain
    assert count(LEFT, LEFT, void) == (4, 4)
    assert count(LEFT, TOP, void) == (0, 4)
    assert jaccard(*count(TOP, TOP, void)) == 1.0


def test_all_void_is_one():
    assert jaccard(*count(LEFT, TOP, np.ones((3, 4), bool))) == 1.0


def test_many_frames_at_once():
    values = jaccard(*count(np.stack([LEFT, EMPTY, TOP]), np.stack([TOP, EMPTY, EMPTY])))
    np.testing.assert_array_equal(values, [0.25, 1.0, 0.0])


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape, not \(3, 4\), \(3, 3\)"):
        count(LEFT, TOP[:, :3])
