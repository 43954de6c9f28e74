"""Probabilities as grey PNG."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.prediction import maps


def test_rounded_to_the_nearest_level(tmp_path):
    path = tmp_path / "foreground" / "cat" / "00000.png"
    probability = np.float32([[0, 0.4 / 255, 0.6 / 255], [0.5, 1, 1 + 1e-6]])
    maps.write_probability(path, probability)
    levels = maps.read_probability(path, (2, 3))
    assert levels.dtype == np.uint8
    assert levels.tolist() == [[0, 0, 1], [128, 255, 255]]  # 127.5 goes to the even level


def test_what_is_no_soft_map(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(StoreError, match=r"a.png: this prediction is missing; run commonfate pred"):
        maps.read_probability(path, (2, 3))
    Image.new("P", (3, 2)).save(path)
    with pytest.raises(StoreError, match=r"a.png: is an image of mode P, not grey \(L\)"):
        maps.read_probability(path, (2, 3))
    maps.write_probability(path, np.zeros((4, 3)))
    with pytest.raises(StoreError, match=r"a.png: is 4x3, but the annotation is 2x3"):
        maps.read_probability(path, (2, 3))
