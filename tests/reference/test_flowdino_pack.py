"""FlowDINO's packing of flow, against what its released code computes."""

import numpy as np

from commonfate.storage import packed_int32
from commonfate.storage.quantize import dequantize, quantize

STEP = np.float32(1 / 32)


def test_any_word_unpacks_to_the_same_numbers(reference):
    data = reference("flowdino_pack.npz")
    # The released code knows no value that means 'none', so compare before -32768 becomes NaN.
    np.testing.assert_array_equal(
        packed_int32.unpack(data["any/packed"]) * STEP, data["any/unpacked"]
    )
    np.testing.assert_array_equal(packed_int32.unpack(data["packed"]) * STEP, data["unpacked"])
    assert data["step"] == STEP and data["bits_per_component"] == 16


def test_flow_as_our_reader_returns_it(reference):
    data = reference("flowdino_pack.npz")
    flow = dequantize(packed_int32.unpack(data["packed"]))
    expected = ~np.isnan(flow)
    np.testing.assert_array_equal(flow[expected], data["unpacked"][expected])
    assert (data["unpacked"][~expected] == -1024).all()  # the one word that we read as 'no value'


def test_unpacked_words_pack_to_the_same_words(reference):
    data = reference("flowdino_pack.npz")
    for packed in (data["any/packed"], data["packed"]):
        again = packed_int32.pack(packed_int32.unpack(packed))
        assert again.dtype == np.int32
        np.testing.assert_array_equal(again, packed)


def test_rounding_differs_from_truncation_by_at_most_one_step(reference):
    data = reference("flowdino_pack.npz")
    steps, saturated = quantize(data["flow"])
    truncated = packed_int32.unpack(data["packed"]).astype(int)
    assert np.abs(steps - truncated).max() == 1
    # -1024 px is 'no value' here: it saturates at -1023.96875, one step off, and is counted.
    assert saturated == (data["flow"] < -1023.98).any(axis=0).sum() > 0


def test_rounding_halves_the_error(reference):
    data = reference("flowdino_pack.npz")
    inside = data["flow"] >= -1023.984375
    ours = np.abs(dequantize(quantize(data["flow"])[0]) - data["flow"])[inside]
    theirs = np.abs(data["unpacked"] - data["flow"])[inside]
    assert ours.max() <= 1 / 64 < theirs.max() <= 1 / 32
    assert 1.8 < theirs.mean() / ours.mean() < 2.2
