"""Predictions of flow: exact for every value and size, through Zarr and without it the same."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from zarr.storage import ZipStore

from commonfate.storage import interpolation, prediction
from commonfate.storage.flow import open_reader, open_writer
from commonfate.storage.flow_codecs import CODECS, codec_of
from commonfate.storage.quantize import NO_VALUE, quantize

KEYS = {"provenance": {}, "key": "k"}
sizes = st.tuples(st.integers(1, 19), st.integers(1, 19))
pairs = sizes.flatmap(lambda size: arrays(np.int16, (2, *size)))


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[request.param]


def smooth(size, seed=0):
    """Flow that turns and grows, with a hole."""
    y, x = np.mgrid[: size[0], : size[1]] / max(size)
    flow = np.stack([3 * y - x**2, 2 * x + y]).astype(np.float32) * (1 + seed)
    flow[:, :2, :3] = np.nan
    return flow


@given(pairs)
@pytest.mark.parametrize("name", CODECS)
def test_every_value_comes_back(name, steps):
    before = steps.copy()
    encoded = CODECS[name].encode(steps)
    np.testing.assert_array_equal(steps, before)
    np.testing.assert_array_equal(CODECS[name].decode(encoded, steps.shape[1:]), steps)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 8), (300, 333)])
def test_sizes(codec, size):
    steps = quantize(smooth(size))[0]
    np.testing.assert_array_equal(codec.decode(codec.encode(steps), size), steps)


def test_what_was_decoded_is_encoded_again(codec):
    encoded = codec.encode(quantize(smooth((40, 50)))[0])
    assert codec.encode(codec.decode(encoded, (40, 50))) == encoded


def test_interpolation_by_hand(monkeypatch):
    monkeypatch.setattr(interpolation, "LEVELS", 1)
    # Row 1 lies between rows 0 and 2: means 12 and 20; column 1 between columns 0 and 2.
    u = np.array([[10, 11, 20], [13, 13, 19], [14, 20, 20]])
    steps = np.stack([u, 0 * u]).astype(np.int16)
    found = interpolation.encode(steps, np.empty(18, np.int16))
    assert found.size == 18
    # Coarsest (delta2d): 10 10 / 4 -4. Columns: 11 - 15 (differ by 10), 20 - 17 (differ by 6);
    # rows: 13 - 12 (by 4), 13 - 15 (by 9), 19 - 20 (by 0). Sorted by how much they differ, the
    # zeros of v among them; sign in the lowest bit.
    fold = {10: 20, 4: 8, -4: 7, 3: 6, 1: 2, -2: 3, -1: 1, 0: 0}
    coarsest = [fold[n] for n in (10, 10, 4, -4, 0, 0, 0, 0)]
    columns = [fold[n] for n in (0, 0, 3, -4)]
    rows = [fold[n] for n in (-1, 0, 0, 0, 1, -2)]
    assert found.tolist() == coarsest + columns + rows


def test_constant_flow_takes_next_to_nothing(codec):
    assert len(codec.encode(np.full((2, 480, 854), 77, np.int16))) < 1000


def test_sizes_that_are_no_multiple_of_eight_are_compressed_as_well(codec):
    steps = np.random.default_rng(0).integers(0, 3, (2, 120, 160), dtype=np.int16)
    whole, odd = (len(codec.encode(steps[:, :height].copy())) for height in (120, 119))
    assert odd < whole
    odd = len(codec.encode(steps[:, :119, :159].copy()))
    assert odd < 1.01 * whole


def test_a_pair_of_another_size_is_refused(codec):
    encoded = codec.encode(quantize(smooth((12, 16)))[0])
    for size in ((12, 24), (6, 16)):
        with pytest.raises(ValueError, match="the pair is not of size"):
            codec.decode(encoded, size)


def test_every_flipped_byte_is_noticed(codec):
    encoded = codec.encode(quantize(smooth((20, 30)))[0])
    for position in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[position] ^= 0x10
        with pytest.raises(ValueError, match="the checksum of the pair does not match"):
            codec.decode(bytes(damaged), (20, 30))


def test_zarr_reads_and_writes_the_same(tmp_path, codec):
    path, size = tmp_path / "s.zarr.zip", (30, 41)
    with open_writer(path, codec=codec.name, **KEYS) as writer:
        writer.add("bear", 1, 4, size, ((t, smooth(size, t)) for t in range(3)))
    reader = open_reader(path)
    assert reader.codec == codec.name
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
        **codec.zarr_settings(),
    )
    assert memory["c/0/0/0/0"].to_bytes() == codec.encode(array[1])


def test_codecs_are_found_by_their_metadata(codec):
    prediction_, *others = [
        {"name": "commonfate.prediction", "configuration": {"method": codec.name}},
        {"name": "blosc", "configuration": {}},
        {"name": "crc32c"},
    ]
    assert codec_of([prediction_, *others]) is codec
    assert codec_of(others) is None


def test_unknown_codec_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"codec must be one of .*'interpolation'.*, not 'jpeg'"):
        open_writer(tmp_path / "s", codec="jpeg", **KEYS)
    with pytest.raises(ValueError, match="method must be one of"):
        prediction.Prediction("jpeg")


def test_steps_that_were_read_stay(tmp_path, codec):
    with open_writer(tmp_path / "s", codec=codec.name, **KEYS) as writer:
        writer.add("bear", 1, 3, (9, 9), ((t, smooth((9, 9), t)) for t in range(2)))
    reader = open_reader(tmp_path / "s")
    first = reader.read_steps("bear", 1, 0)
    before = first.copy()
    reader.read_steps("bear", 1, 1)
    np.testing.assert_array_equal(first, before)
