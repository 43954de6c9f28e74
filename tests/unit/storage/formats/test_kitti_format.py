"""KITTI's PNG: offset, step, validity, and what does not fit."""

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.storage.formats import kitti

SIZES = st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6))


def samples(path):
    """Red, green and blue as OpenCV finds them."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1].astype(int)


@pytest.mark.parametrize(
    ("u", "v", "red", "green"),
    [
        (0, 0, 32768, 32768),
        (1, -1, 32832, 32704),
        (-512, 511.984375, 0, 65535),
        (1 / 128 + 1 / 1024, -1 / 128 - 1 / 1024, 32769, 32767),  # to the nearest 1/64
    ],
)
def test_samples(tmp_path, u, v, red, green):
    path = tmp_path / "a.png"
    assert kitti.write(path, np.array([[[u]], [[v]]], np.float32)) == 0
    assert samples(path).tolist() == [[[red, green, 1]]]


@pytest.mark.parametrize("beyond", [512, -512.01, 1e6, -3e38, 1024.5])
def test_what_does_not_fit_is_not_valid_and_counted(tmp_path, beyond):
    path = tmp_path / "a.png"
    flow = np.array([[[beyond, 1, 2]], [[0, beyond, 3]]], np.float32)
    assert kitti.write(path, flow) == 2
    assert samples(path).tolist() == [[[0, 0, 0], [0, 0, 0], [32896, 32960, 1]]]
    read = kitti.read(path)
    assert np.isnan(read[:, 0, :2]).all() and read[:, 0, 2].tolist() == [2, 3]


def test_no_value_is_not_valid_and_not_counted(tmp_path):
    path = tmp_path / "a.png"
    assert kitti.write(path, np.array([[[np.nan, 1]], [[0, np.inf]]], np.float32)) == 0
    assert samples(path).tolist() == [[[0, 0, 0], [0, 0, 0]]]


def test_any_blue_that_is_not_zero_is_valid(tmp_path):
    path = tmp_path / "a.png"
    bgr = np.array([[[65535, 32768, 32832], [1, 32768, 32768], [0, 32832, 32832]]], np.uint16)
    cv2.imwrite(str(path), bgr)
    read = kitti.read(path)
    assert read.dtype == np.float32 and read.shape == (2, 1, 3)
    np.testing.assert_array_equal(read, [[[1, 0, np.nan]], [[0, 0, np.nan]]])


@settings(deadline=None, max_examples=50)
@given(flow=arrays.arrays(np.float32, SIZES, elements=st.floats(-600, 600, width=32)))
def test_error_and_count(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("kitti") / "a.png"
    fits = ((flow >= -512 - 1 / 128) & (flow < 511.984375 + 1 / 128)).all(axis=0)
    assert kitti.write(path, flow) == (~fits).sum()
    read = kitti.read(path)
    assert np.isnan(read[:, ~fits]).all()
    assert (np.abs(read - flow)[:, fits] <= 1 / 128).all()


@settings(deadline=None, max_examples=50)
@given(steps=arrays.arrays(np.int16, SIZES, elements=st.integers(-16384, 16383)))
def test_every_step_of_our_stores_is_exact(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("kitti") / "a.png"
    flow = steps.astype(np.float32) / 32
    assert kitti.write(path, flow) == 0
    np.testing.assert_array_equal(kitti.read(path), flow)
