"""JSON that notices damage."""

import pytest

from commonfate.storage.damage import seal, unseal

CONTENT = {"b": [1, 2.5, None], "a": "Zoë"}


def test_content_comes_back():
    assert unseal(seal(CONTENT)) == CONTENT
    assert unseal(seal(CONTENT).encode() + b"   \n") == CONTENT


def test_no_flipped_bit_goes_unnoticed():
    text = seal(CONTENT).encode()
    for position in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[position] ^= 1 << bit
            try:
                assert unseal(bytes(flipped)) == CONTENT  # e.g. a space that became a tab
            except ValueError:
                continue


def test_other_json_is_refused():
    with pytest.raises(ValueError, match="not sealed"):
        unseal('{"content": {}}')
