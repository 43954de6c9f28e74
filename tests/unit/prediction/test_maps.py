"""Label maps as PNG."""

import numpy as np
from PIL import Image

from commonfate.prediction import maps


def test_round_trip_through_an_indexed_png(tmp_path):
    labels = np.random.default_rng(0).integers(0, 5, (7, 9), np.uint8)
    path = tmp_path / "components" / "cat" / "00003.png"
    maps.write_labels(path, labels)
    np.testing.assert_array_equal(maps.read_labels(path, 5, (7, 9)), labels)
    with Image.open(path) as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(shown, maps.palette()[labels])


def test_colours_of_the_first_labels_differ():
    colours = maps.palette()
    assert colours.shape == (256, 3) and colours.dtype == np.uint8
    first = colours[:16].astype(int)
    apart = np.abs(first[:, None] - first[None]).sum(-1)[~np.eye(16, dtype=bool)]
    assert apart.min() > 30


def test_label_zero_alone(tmp_path):
    maps.write_labels(tmp_path / "a.png", np.zeros((2, 3), np.uint8))
    assert not maps.read_labels(tmp_path / "a.png", 1, (2, 3)).any()


def test_colours_of_pascal_voc(tmp_path):
    colours = maps.voc_palette()
    expected = {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    assert {label: tuple(colours[label].tolist()) for label in expected} == expected
    assert colours[255].tolist() == [224, 224, 192]
    assert len(np.unique(colours, axis=0)) == 256
    maps.write_labels(tmp_path / "a.png", np.array([[0, 1, 254]], np.uint8), colours)
    assert maps.read_labels(tmp_path / "a.png", 255, (1, 3)).tolist() == [[0, 1, 254]]
    with Image.open(tmp_path / "a.png") as image:
        assert image.convert("RGB").getpixel((1, 0)) == (128, 0, 0)
