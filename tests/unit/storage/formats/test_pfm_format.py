"""PFM, byte by byte and against OpenCV."""

import struct

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.base.errors import StoreError
from commonfate.storage.formats import pfm

SIZES = st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6))


def test_bytes_rows_from_the_bottom(tmp_path):
    path = tmp_path / "a.pfm"
    assert pfm.write(path, np.array([[[1.5], [2]], [[3], [4]]], np.float32)) == 0
    assert path.read_bytes() == b"PF\n1 2\n-1.0\n" + struct.pack("<6f", 2, 4, 0, 1.5, 3, 0)


@pytest.mark.parametrize(
    ("scale", "order"),
    [
        *(("-1", "<"), ("1.000000", ">"), ("-1.0", "<"), ("-1.", "<"), ("+1", ">")),
        *(("-1.000000e+00", "<"), ("1E0", ">"), ("-.5e-3", "<"), ("-1.0\r", "<")),
    ],
)
def test_either_order_of_bytes(tmp_path, scale, order):
    path = tmp_path / "a.pfm"
    path.write_bytes(f"PF\n1 2\n{scale}\n".encode() + struct.pack(f"{order}6f", 2, 4, 0, 1.5, 3, 0))
    assert pfm.read(path).tolist() == [[[1.5], [2]], [[3], [4]]]


def test_a_scale_without_sign_tells_no_order(tmp_path):
    path = tmp_path / "a.pfm"
    path.write_bytes(b"PF\n1 2\n0.0\n" + bytes(24))
    with pytest.raises(StoreError, match=r"a\.pfm: .* scale 0\.0"):
        pfm.read(path)


def test_opencv_reads_what_we_write(tmp_path):
    path = tmp_path / "a.pfm"
    flow = np.random.default_rng(0).normal(0, 20, (2, 5, 7)).astype(np.float32)
    pfm.write(path, flow)
    blue_green_red = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(blue_green_red[..., :0:-1].transpose(2, 0, 1), flow)


@settings(deadline=None, max_examples=50)
@given(flow=arrays.arrays(np.float32, SIZES))
def test_round_trip(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("pfm") / "a.pfm"
    pfm.write(path, flow)
    expected = np.isfinite(flow).all(axis=0)
    np.testing.assert_array_equal(pfm.read(path), np.where(expected, flow, np.nan))
