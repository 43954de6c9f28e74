"""Sampson's error of flow against the epipolar geometry of a still scene."""

import numpy as np
import pytest

from commonfate.flow.epipolar import sampson_error

SIZE = (48, 64)


def scene(shift=(0.3, 0.1, 0.05), seed=0):
    """Flow of a camera that moves through a scene of three depths, and the mask of a thing that
    moves of its own."""
    rows, columns = np.indices(SIZE).astype(float)
    depth = np.where(columns < 20, 3.0, np.where(rows < 24, 6.0, 12.0))
    x, y = (columns - 32) / 50, (rows - 24) / 50
    point = np.stack([x * depth, y * depth, depth]) - np.reshape(shift, (3, 1, 1))
    flow = np.stack([point[0] / point[2] - x, point[1] / point[2] - y]) * 50
    mask = np.zeros(SIZE, bool)
    mask[10:20, 40:52] = True
    flow[1, mask] += 3
    flow += np.random.default_rng(seed).normal(0, 0.02, flow.shape)
    return flow.astype(np.float32), mask


def test_near_things_do_not_stand_out_and_what_moves_does():
    flow, mask = scene()
    error = sampson_error(flow)
    inside = np.isfinite(error)
    assert error.shape == SIZE and error.dtype == np.float32
    assert np.median(error[mask & inside]) > 10 * np.median(error[~mask & inside])
    assert np.quantile(error[~mask & inside], 0.95) < 0.3


def test_what_leaves_the_frame_or_is_unknown_is_infinite():
    flow, _ = scene()
    flow[0, 5] = 1000
    flow[:, 30, 30] = np.nan
    error = sampson_error(flow)
    assert np.isinf(error[5]).all() and np.isinf(error[30, 30])


@pytest.mark.parametrize("value", [np.nan, 1000.0])
def test_a_field_without_usable_points_has_no_fit(value):
    assert np.isinf(sampson_error(np.full((2, *SIZE), value, np.float32))).all()


def test_no_motion_is_no_error():
    error = sampson_error(np.zeros((2, *SIZE), np.float32))
    assert error.max() < 1e-3


def test_the_same_field_has_the_same_error():
    flow, _ = scene()
    np.testing.assert_array_equal(sampson_error(flow), sampson_error(flow))
