"""Encoded pairs of flow: exact for every value and size, through Zarr and without it the same."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from zarr.storage import ZipStore

from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.prediction import (
    Prediction,
    check_codecs,
    decode_pair,
    encode_pair,
    zarr_settings,
)
from commonfate.storage.quantize import NO_VALUE, quantize

KEYS = {"provenance": {}, "key": "k"}
sizes = st.tuples(st.integers(1, 19), st.integers(1, 19))
pairs = sizes.flatmap(lambda size: arrays(np.int16, (2, *size)))


def smooth(size, seed=0):
    """Flow that turns and grows, with a hole."""
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    flow = np.stack([3 * y - x**2, 2 * x + y]).astype(np.float32) * (1 + seed)
    flow[:, :2, :3] = np.nan
    return flow


@given(pairs)
def test_every_value_comes_back(steps):
    before = steps.copy()
    encoded = encode_pair(steps)
    np.testing.assert_array_equal(steps, before)
    np.testing.assert_array_equal(decode_pair(encoded, steps.shape[1:]), steps)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 8), (300, 333)])
def test_sizes(size):
    steps = quantize(smooth(size))[0]
    np.testing.assert_array_equal(decode_pair(encode_pair(steps), size), steps)


def test_what_was_decoded_is_encoded_again():
    encoded = encode_pair(quantize(smooth((40, 50)))[0])
    assert encode_pair(decode_pair(encoded, (40, 50))) == encoded


def test_constant_flow_takes_next_to_nothing():
    assert len(encode_pair(np.full((2, 480, 854), 77, np.int16))) < 1000


def test_sizes_that_are_no_multiple_of_eight_are_compressed_as_well():
    steps = np.random.default_rng(0).integers(0, 3, (2, 120, 160), dtype=np.int16)
    whole, odd = (len(encode_pair(steps[:, :height].copy())) for height in (120, 119))
    assert odd < whole
    odd = len(encode_pair(steps[:, :119, :159].copy()))
    assert odd < 1.01 * whole


def test_a_pair_of_another_size_is_refused():
    encoded = encode_pair(quantize(smooth((12, 16)))[0])
    for size in ((12, 24), (6, 16)):
        with pytest.raises(ValueError, match="the pair is not of size"):
            decode_pair(encoded, size)


def test_every_flipped_byte_is_noticed():
    encoded = encode_pair(quantize(smooth((20, 30)))[0])
    for position in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[position] ^= 0x10
        with pytest.raises(ValueError, match="the checksum of the pair does not match"):
            decode_pair(bytes(damaged), (20, 30))


def test_zarr_reads_and_writes_the_same(tmp_path):
    path, size = tmp_path / "s.zarr.zip", (30, 41)
    with open_writer(path, **KEYS) as writer:
        writer.add("bear", 1, 4, size, ((t, smooth(size, t)) for t in range(3)))
    reader = open_reader(path)
    array = zarr.open_group(ZipStore(path), mode="r")["bear/1"]
    for t in range(3):
        np.testing.assert_array_equal(array[t], reader.read_steps("bear", 1, t))
        np.testing.assert_array_equal(array[t], quantize(smooth(size, t))[0])
    memory = {}
    zarr.create_array(
        memory,
        data=array[1:2],
        chunks=(1, 2, *size),
        fill_value=NO_VALUE,
        **zarr_settings(),
    )
    assert memory["c/0/0/0/0"].to_bytes() == encode_pair(array[1])


def test_other_codecs_are_refused():
    ours, *others = [
        {"name": "commonfate.prediction", "configuration": {"method": "delta2d"}},
        {"name": "blosc", "configuration": {}},
        {"name": "crc32c"},
    ]
    check_codecs([ours, *others])
    with pytest.raises(ValueError, match=r"its codecs are unknown: .'blosc', 'crc32c'."):
        check_codecs(others)
    other = ours | {"configuration": {"method": "interpolation"}}
    for read in (lambda: check_codecs([other, *others]), lambda: Prediction.from_dict(other)):
        with pytest.raises(ValueError, match=r"the codec must be .*'delta2d'.*'interpolation'"):
            read()


def test_steps_that_were_read_stay(tmp_path):
    with open_writer(tmp_path / "s", **KEYS) as writer:
        writer.add("bear", 1, 3, (9, 9), ((t, smooth((9, 9), t)) for t in range(2)))
    reader = open_reader(tmp_path / "s")
    first = reader.read_steps("bear", 1, 0)
    before = first.copy()
    reader.read_steps("bear", 1, 1)
    np.testing.assert_array_equal(first, before)
