"""Frames as networks take them."""

import pytest

from commonfate.models.frame import nearest_multiple


@pytest.mark.parametrize(
    ("size", "multiple", "expected"),
    [
        ((128, 224), 16, (128, 224)),
        ((481, 854), 16, (480, 848)),
        ((487, 856), 16, (480, 864)),  # halves go up
        ((488, 5), 16, (496, 16)),  # nothing becomes 0
        ((3, 7), 1, (3, 7)),
    ],
)
def test_sizes_are_rounded_to_multiples(size, multiple, expected):
    assert nearest_multiple(size, multiple) == expected
