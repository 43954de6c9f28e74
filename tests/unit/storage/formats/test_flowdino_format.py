"""FlowDINO's TIFF; its released bits are compared in tests/reference/test_flowdino_files.py."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from commonfate.storage import packed_int32
from commonfate.storage.formats import flowdino

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6))


def test_one_pixel_by_hand(tmp_path):
    path = tmp_path / "a.tiff"
    assert flowdino.write(path, np.array([[[1.0]], [[-1 / 32]]], np.float32)) == 0
    with Image.open(path) as image:  # FlowDINO's code opens them by Pillow
        assert (image.mode, getattr(image, "n_frames", 1)) == ("I", 1)
        assert np.array(image).tolist() == [[0x0020_FFFF]]


def test_saturated_pixels_are_counted(tmp_path):
    path = tmp_path / "a.tiff"
    assert flowdino.write(path, np.array([[[2000.0, 0, 5]], [[0, -1025, 5]]], np.float32)) == 2
    read = flowdino.read(path)
    np.testing.assert_array_equal(read, [[[1023.96875, 0, 5]], [[0, -1023.96875, 5]]])


@settings(deadline=None, max_examples=50)
@given(packed=arrays.arrays(np.int32, SIZES))
def test_every_word_survives(tmp_path_factory, packed):
    path = tmp_path_factory.mktemp("flowdino") / "a.tiff"
    flowdino.write_packed(path, packed)
    np.testing.assert_array_equal(flowdino.read_packed(path), packed)
    flowdino.write(path, flowdino.read(path))
    np.testing.assert_array_equal(flowdino.read_packed(path), packed)


@pytest.mark.parametrize("dtype", ["<i4", ">i4", "<u4", ">u4", "<f4", ">f4"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_words_by_any_name_and_order(tmp_path, dtype, compression):
    packed = np.random.default_rng(0).integers(-(2**31), 2**31, (5, 7), np.int64).astype(np.int32)
    order, kind = dtype[0], dtype[1:]
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, packed.view(kind), byteorder=order, compression=compression)
    np.testing.assert_array_equal(flowdino.read_packed(path), packed)
    assert packed_int32.unpack(flowdino.read_packed(path)).shape == (2, 5, 7)
