"""FlowDINO's words of two components."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from commonfate.storage.packed_int32 import pack, unpack


def test_words_by_hand():
    steps = np.array([[[1, -1, 0, -32768]], [[2, -2, -1, 32767]]], np.int16)
    expected = np.array([[0x00010002, 0xFFFFFFFE, 0x0000FFFF, 0x80007FFF]], np.uint32)
    words = pack(steps)
    assert words.dtype == np.int32
    np.testing.assert_array_equal(words.view(np.uint32), expected)


@given(arrays(np.int16, (2, 3, 4)))
def test_unpack_is_the_inverse_of_pack(steps):
    np.testing.assert_array_equal(unpack(pack(steps)), steps)


@given(arrays(np.int32, (3, 4)))
def test_pack_is_the_inverse_of_unpack(words):
    np.testing.assert_array_equal(pack(unpack(words)), words)


def test_transposed_words_are_read_in_order():
    words = np.arange(6, dtype=np.int32).reshape(2, 3).T
    np.testing.assert_array_equal(unpack(words)[1], words)
