"""Resizing flow scales its values and keeps pixel centres in place."""

import numpy as np
import pytest
import torch

from commonfate.flow.resize import resize


@pytest.fixture
def flow() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 30, 44)).astype(np.float32)


@pytest.mark.parametrize("size", [(15, 22), (7, 13), (60, 88), (61, 50), (30, 44), (1, 1)])
@pytest.mark.parametrize(
    ("mode", "torch_mode"), [("nearest", "nearest-exact"), ("linear", "bilinear")]
)
def test_agrees_with_torch_on_pixel_centres(flow, size, mode, torch_mode):
    options = {"align_corners": False} if mode == "linear" else {}
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(flow)[None], size, mode=torch_mode, **options
    )[0].numpy()
    expected = expected * np.array([size[1] / 44, size[0] / 30], np.float32)[:, None, None]
    resized = resize(flow, size, mode)
    assert resized.shape == (2, *size)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected, atol=2e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_constant_flow_is_scaled_by_each_axis_ratio(mode):
    flow = np.empty((2, 10, 20), np.float32)
    flow[0], flow[1] = 8.0, -3.0
    resized = resize(flow, (5, 5), mode)
    np.testing.assert_allclose(resized[0], 2.0)
    np.testing.assert_allclose(resized[1], -1.5)


def test_linear_keeps_a_zoom_a_zoom():
    # A zoom about the corner, u = x/10 with x at pixel centres, is the same field at any size.
    flow = np.zeros((2, 8, 40), np.float32)
    flow[0] = (np.arange(40) + 0.5) / 10
    resized = resize(flow, (4, 20), "linear")
    np.testing.assert_allclose(resized[0, 0], (np.arange(20) + 0.5) / 10, atol=1e-6)


def test_nan_stays_a_single_pixel_under_nearest_and_spreads_under_linear():
    flow = np.zeros((2, 4, 4), np.float32)
    flow[:, 1, 1] = np.nan
    assert np.isnan(resize(flow, (2, 2), "nearest")[0]).sum() == 1
    assert np.isnan(resize(flow, (2, 2), "linear")[0]).tolist() == [[True, False], [False, False]]


def test_the_result_is_a_new_array(flow):
    kept = flow.copy()
    for mode in ("nearest", "linear"):
        resize(flow, (30, 44), mode)[:] = 0
    np.testing.assert_array_equal(flow, kept)


@pytest.mark.parametrize(
    ("shape", "size", "mode", "message"),
    [
        ((3, 4, 4), (2, 2), "linear", r"must be \(2, H, W\)"),
        ((2, 4, 4), (0, 2), "linear", "positive"),
        ((2, 4, 4), (2, 2), "cubic", "mode must be"),
    ],
)
def test_wrong_arguments_are_refused(shape, size, mode, message):
    with pytest.raises(ValueError, match=message):
        resize(np.zeros(shape, np.float32), size, mode)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_the_same_size_is_a_copy_to_the_bit(flow, mode):
    flow[:, 3, 4] = np.nan
    resized = resize(flow[:, :, ::-1], flow.shape[1:], mode)
    np.testing.assert_array_equal(resized, flow[:, :, ::-1])
    assert resized.flags.c_contiguous
    assert not np.shares_memory(resized, flow)
