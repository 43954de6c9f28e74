"""Fixed-point flow: rounding, saturation, 'no value'."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from commonfate.storage.quantize import NO_VALUE, dequantize, pixels_without_value, quantize

fields = arrays(np.float32, st.tuples(st.just(2), st.integers(1, 5), st.integers(1, 5)))
in_range = arrays(
    np.float32, (2, 3, 4), elements=st.floats(-1023, 1023, width=32, allow_subnormal=False)
)


@given(in_range)
def test_error_is_at_most_half_a_step(flow):
    steps, saturated = quantize(flow)
    assert saturated == 0
    assert np.abs(dequantize(steps) - flow).max() <= 1 / 64


@given(in_range, st.integers(1, 31))
def test_error_is_at_most_half_a_step_whatever_the_step(flow, steps_per_pixel):
    steps, saturated = quantize(flow, steps_per_pixel)
    assert saturated == 0
    # 1023 px have a float32 resolution of 6e-5 px, which scaling there and back may lose twice.
    error = np.abs(dequantize(steps, steps_per_pixel) - flow).max()
    assert error <= 0.5 / steps_per_pixel + 1.3e-4


@given(fields)
def test_no_value_is_what_is_not_finite(flow):
    steps, _ = quantize(flow)
    np.testing.assert_array_equal(steps == NO_VALUE, ~np.isfinite(flow))
    np.testing.assert_array_equal(np.isnan(dequantize(steps)), ~np.isfinite(flow))


@given(fields)
def test_saturated_pixels_are_counted_once(flow):
    with np.errstate(over="ignore"):
        exact = flow.astype(np.float64) * 32
    beyond = np.isfinite(flow) & (np.abs(np.rint(exact)) > 32767)
    steps, saturated = quantize(flow)
    assert saturated == beyond.any(axis=0).sum()
    np.testing.assert_array_equal(steps[beyond], np.where(flow[beyond] > 0, 32767, -32767))


@given(arrays(np.int16, array_shapes(min_dims=2, max_dims=2).map(lambda s: (2, *s))))
@pytest.mark.parametrize("steps_per_pixel", [1, 7, 32, 100, 1000])
def test_what_was_stored_is_stored_again(steps_per_pixel, steps):
    again, saturated = quantize(dequantize(steps, steps_per_pixel), steps_per_pixel)
    np.testing.assert_array_equal(again, steps)
    assert saturated == 0


def test_values_by_hand():
    flow = np.array([[[0.5, -0.02, 0.015, 1023.96875]], [[-1024, np.nan, np.inf, 5000]]])
    steps, saturated = quantize(flow)
    # 0.02 px are 0.64 steps and round to 1, 0.015 px are 0.48 steps and round to 0.
    assert steps.tolist() == [[[16, -1, 0, 32767]], [[-32767, NO_VALUE, NO_VALUE, 32767]]]
    assert steps.dtype == np.int16
    assert saturated == 2
    assert pixels_without_value(steps) == 2


def test_masked_values_are_no_value():
    flow = np.ma.masked_greater(np.full((2, 1, 2), 3, np.float32), 2)
    flow[0, 0, 0] = 1
    steps, _ = quantize(flow)
    assert steps.tolist() == [[[32, NO_VALUE]], [[NO_VALUE, NO_VALUE]]]
    assert pixels_without_value(steps) == 2


def test_half_precision_does_not_overflow():
    # 60000 is finite in float16, 60000 * 32 is not.
    steps, saturated = quantize(np.full((2, 1, 1), 60000, np.float16))
    assert steps.tolist() == [[[32767]], [[32767]]]
    assert saturated == 1


def test_batches_count_pixels_of_all():
    flow = np.zeros((3, 2, 4, 5), np.float32)
    flow[0, :, 0, 0] = 2000
    flow[2, 1, 3, 4] = -2000
    assert quantize(flow)[1] == 2


def test_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(\.\.\., 2, H, W\), not \(4, 5, 2\)"):
        quantize(np.zeros((4, 5, 2)))
