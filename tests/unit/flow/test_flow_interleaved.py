"""The fast quantization beside the plain one: equal bits, whatever the values."""

import numpy as np
import pytest

from commonfate.flow.extraction.interleaved import quantize_interleaved
from commonfate.storage.quantize import quantize

RNG = np.random.default_rng(0)


def as_opencv_makes_it(flow: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(flow.transpose(1, 2, 0)).transpose(2, 0, 1)


@pytest.mark.parametrize("steps_per_pixel", [1, 32, 37, 100])
def test_equals_the_plain_quantization(steps_per_pixel):
    flow = RNG.normal(0, 20, (2, 37, 53)).astype(np.float32)
    expected, saturated = quantize(flow, steps_per_pixel)
    for given in (flow, as_opencv_makes_it(flow)):
        steps, count = quantize_interleaved(given, steps_per_pixel)
        np.testing.assert_array_equal(steps, expected)
        assert steps.dtype == np.int16
        assert steps.flags.c_contiguous
        assert count == saturated == 0


def test_ties_go_to_even_as_in_numpy():
    flow = (np.arange(-8, 8, dtype=np.float32) / 64).repeat(2).reshape(2, 4, 4)
    steps, _ = quantize_interleaved(as_opencv_makes_it(flow), 32)
    np.testing.assert_array_equal(steps, quantize(flow, 32)[0])


@pytest.mark.parametrize(
    "odd", [np.nan, np.inf, -np.inf, 1024, -1024, 1023.97, -1023.97, 1e30, -1e30, 7e7]
)
def test_what_is_missing_or_saturates_is_told_apart(odd):
    flow = np.zeros((2, 3, 4), np.float32)
    flow[1, 2, 1] = odd
    expected, saturated = quantize(flow, 32)
    steps, count = quantize_interleaved(as_opencv_makes_it(flow), 32)
    np.testing.assert_array_equal(steps, expected)
    assert count == saturated
