"""The flow baseline: dominant affine motion, and what differs from it."""

import numpy as np
import pytest
import torch

from commonfate.flow.dominant import residual
from commonfate.methods import create
from commonfate.methods.residual_flow.method import exceeds_otsu
from commonfate.methods.residual_flow.settings import ResidualFlowSettings

METHOD = create(ResidualFlowSettings())


def scene(height=60, width=90):
    """Affine camera motion with slight noise, and an object on a sixth of the image."""
    y, x = np.mgrid[:height, :width]
    flow = np.stack([12 + 0.05 * x - 0.02 * y, -4 + 0.03 * x]).astype(np.float32)
    flow += np.random.default_rng(0).normal(0, 0.05, flow.shape).astype(np.float32)
    moving = np.zeros((height, width), dtype=bool)
    moving[20:50, 50:80] = True
    flow[:, moving] += np.float32([[4], [-3]])
    return flow, moving


def test_residual_is_the_motion_against_the_dominant_one():
    flow, moving = scene()
    result = residual(flow, iterations=10)
    assert np.abs(result[:, ~moving]).max() < 0.3
    np.testing.assert_allclose(result[:, moving].mean(1), [4, -3], atol=0.05)


def test_one_iteration_is_ordinary_least_squares():
    flow, _ = scene()
    y, x = np.mgrid[:60, :90]
    design = np.stack([np.ones(x.size), x.ravel(), y.ravel()], 1)
    target = flow.reshape(2, -1).T
    expected = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    result = residual(flow, iterations=1).reshape(2, -1).T
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_large_fields_are_fitted_on_a_grid():
    flow, moving = scene(600, 900)
    result = residual(flow, iterations=10)
    assert np.abs(result[:, ~moving]).max() < 0.4


def test_segments_are_the_object_and_the_rest():
    flow, moving = scene()
    result = METHOD.predict(None, np.zeros((60, 90, 3), np.uint8), flow)
    assert torch.equal(result.groups[1], torch.from_numpy(moving).float())
    assert torch.equal(result.groups.sum(0), torch.ones(60, 90))
    assert result.components is result.groups


def test_pixels_without_flow_belong_to_the_dominant_motion():
    flow, moving = scene()
    flow[:, 25:30] = np.nan
    result = METHOD.predict(None, np.zeros((60, 90, 3), np.uint8), flow).groups[1].numpy()
    moving[25:30] = False
    assert np.array_equal(result, moving)


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_a_field_without_relative_motion_is_all_dominant(value):
    flow = np.full((2, 20, 30), value, np.float32)
    result = METHOD.predict(None, np.zeros((20, 30, 3), np.uint8), flow)
    assert torch.equal(result.groups[0], torch.ones(20, 30))


def test_otsu_splits_two_levels():
    magnitude = np.array([[0.0, 0.1, 5.0], [0.2, 5.2, np.nan]])
    assert exceeds_otsu(magnitude).tolist() == [[False, False, True], [False, True, False]]
