"""Middlebury files, byte by byte and against OpenCV."""

import struct

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.storage.formats import flo

FLOW = np.random.default_rng(0).normal(0, 20, (2, 5, 7)).astype(np.float32)
SIZES = st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6))


def test_bytes_of_two_pixels(tmp_path):
    path = tmp_path / "a.flo"
    assert flo.write(path, np.array([[[1.5, -2]], [[0, 1e3]]], np.float32)) == 0
    assert path.read_bytes() == b"PIEH" + struct.pack("<ii4f", 2, 1, 1.5, 0, -2, 1e3)


def test_opencv_reads_what_we_write(tmp_path):
    path = tmp_path / "a.flo"
    flo.write(path, FLOW)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(path)).transpose(2, 0, 1), FLOW)


def test_we_read_what_opencv_writes(tmp_path):
    path = tmp_path / "a.flo"
    cv2.writeOpticalFlow(str(path), np.ascontiguousarray(FLOW.transpose(1, 2, 0)))
    read = flo.read(path)
    assert read.dtype == np.float32 and read.flags.c_contiguous
    np.testing.assert_array_equal(read, FLOW)


def test_beyond_1e9_is_no_value(tmp_path):
    path = tmp_path / "a.flo"
    pixels = (1e9, -1e9, 1.1e9, 0, 0, -1.1e9, float("nan"), 0)
    path.write_bytes(b"PIEH" + struct.pack("<ii8f", 4, 1, *pixels))
    np.testing.assert_array_equal(flo.read(path)[0, 0], np.float32([1e9, *3 * [np.nan]]))
    np.testing.assert_array_equal(flo.read(path)[1, 0], np.float32([-1e9, *3 * [np.nan]]))


def test_no_value_in_one_component_is_written_to_both(tmp_path):
    path = tmp_path / "a.flo"
    flo.write(path, np.array([[[np.nan, 1, 2]], [[3, -np.inf, 4]]], np.float32))
    written = struct.unpack("<6f", path.read_bytes()[12:])
    assert written == (1e10, 1e10, 1e10, 1e10, 2, 4)


@settings(deadline=None, max_examples=50)
@given(
    flow=arrays.arrays(
        np.float32, SIZES, elements=st.floats(-1e9, 1e9, width=32) | st.just(float("nan"))
    )
)
def test_round_trip(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flo") / "a.flo"
    flo.write(path, flow)
    expected = ~np.isnan(flow).any(axis=0)
    np.testing.assert_array_equal(flo.read(path), np.where(expected, flow, np.nan))
