"""The central square."""

import numpy as np
import pytest

from commonfate.prediction.benchmark import central_square


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((4, 7), (0, 4), (2, 6)), ((9, 4), (2, 6), (0, 4)), ((3, 3), (0, 3), (0, 3))],
)
def test_what_is_left_lies_in_the_middle(shape, rows, columns):
    image = np.arange(np.prod(shape)).reshape(shape)
    expected = image[slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(central_square(image), expected)
    assert central_square(shape) == expected.shape


def test_other_axes_are_kept():
    assert central_square(np.zeros((5, 9, 3))).shape == (5, 5, 3)
    flow = np.arange(2 * 4 * 6).reshape(2, 4, 6)
    np.testing.assert_array_equal(central_square(flow, axes=(1, 2)), flow[:, :, 1:5])
