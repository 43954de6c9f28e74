"""The codec commonfate.delta2d: exact for every integer, found by plain Zarr."""

import json

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from zarr.registry import get_codec_class

from commonfate.storage.delta2d import Delta2D, decode, encode

dtypes = st.sampled_from(["u1", "i1", "u2", "i2", "i4", "i8", ">i2"])
shapes = array_shapes(min_dims=2, max_dims=4, max_side=6)


@given(st.tuples(dtypes, shapes).flatmap(lambda drawn: arrays(*drawn)))
def test_every_value_comes_back(array):
    decoded = decode(encode(array))
    np.testing.assert_array_equal(decoded, array)
    assert decoded.dtype.itemsize == array.dtype.itemsize


def test_values_by_hand():
    array = np.array([[10, 11, 9], [10, 12, 9]], np.int16)
    # Along the width: 10 1 -2 / 10 2 -3; then along the height: 10 1 -2 / 0 1 -1.
    # Sign to the lowest bit: n becomes 2n, and -n becomes 2n - 1.
    assert encode(array).tolist() == [[20, 2, 3], [0, 2, 1]]


def test_differences_wrap():
    array = np.array([[-32768, 32767]], np.int16)
    assert encode(array).tolist() == [[-1, 1]]  # the second is -1 in 16 bits
    np.testing.assert_array_equal(decode(encode(array)), array)


def test_input_is_left_alone():
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    for function in (encode, decode):
        before = array.copy()
        function(array)
        np.testing.assert_array_equal(array, before)


def test_transposed_input():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode(encode(array)), array)


def test_array_with_several_chunks_and_edges(tmp_path):
    array = np.random.default_rng(0).integers(-30000, 30000, (3, 2, 7, 9), dtype=np.int16)
    zarr.create_array(tmp_path / "a", data=array, chunks=(1, 2, 4, 4), filters=[Delta2D()])
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a", mode="r")[:], array)


def test_zarr_finds_the_codec_by_its_name(tmp_path):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    zarr.create_array(tmp_path / "a", data=array, chunks=(1, 3, 4), filters=[Delta2D()])
    codecs = json.loads((tmp_path / "a" / "zarr.json").read_text())["codecs"]
    assert codecs[0] == {"name": "commonfate.delta2d"}
    assert get_codec_class("commonfate.delta2d") is Delta2D  # through the entry point
    np.testing.assert_array_equal(zarr.open(tmp_path / "a", mode="r")[:], array)


def test_other_types_are_refused(tmp_path):
    with pytest.raises(ValueError, match="needs integers"):
        zarr.create_array(tmp_path / "a", shape=(2, 2), dtype="float32", filters=[Delta2D()])
    with pytest.raises(ValueError, match="needs integers"):
        zarr.create_array(tmp_path / "b", shape=(2,), dtype="int16", filters=[Delta2D()])


def test_unknown_configuration_is_refused():
    with pytest.raises(ValueError, match="has no configuration"):
        Delta2D.from_dict({"name": "commonfate.delta2d", "configuration": {"axis": 1}})
