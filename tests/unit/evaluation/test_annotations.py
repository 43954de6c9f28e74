"""Reading ground truth of every kind that the datasets use."""

import numpy as np
import pytest
from PIL import Image

from commonfate.errors import StoreError
from commonfate.evaluation import annotations

VALUES = np.array([[0, 1, 2], [128, 129, 255]], np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(image: Image.Image, name: str = "00000.png"):
        image.save(tmp_path / name)
        return tmp_path / name

    return write


def indexed(values: np.ndarray) -> Image.Image:
    """An image with a palette whose colours say nothing of its labels (label 0 is white)."""
    image = Image.fromarray(values)
    image.putpalette(bytes(255 - n // 3 for n in range(768)))
    return image


def test_binary_grey(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "binary")
    assert foreground.tolist() == [[False, False, False], [False, True, True]]
    assert not void.any() and foreground.dtype == void.dtype == bool


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA", "LA"])
def test_binary_in_other_modes(save, mode):
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)
    foreground, _ = annotations.read(save(image), "binary")
    assert foreground.tolist() == [[False, True]]


def test_instances(save):
    foreground, void = annotations.read(save(Image.fromarray(VALUES)), "instances")
    assert foreground.tolist() == [[False, True, True], [True, True, False]]
    assert void.tolist() == [[False, False, False], [False, False, True]]


def test_a_palette_is_read_as_labels(save):
    foreground, void = annotations.read(save(indexed(VALUES)), "instances")
    assert foreground.sum() == 4 and void.sum() == 1
    foreground, _ = annotations.read(save(indexed(np.array([[0, 255]], np.uint8))), "binary")
    assert foreground.tolist() == [[False, True]]


def test_an_empty_binary_annotation_is_an_absent_object(save):
    foreground, _ = annotations.read(save(Image.new("L", (4, 3))), "binary")
    assert foreground.shape == (3, 4) and not foreground.any()


def test_size_is_height_and_width(save):
    assert annotations.size(save(Image.new("L", (4, 3)))) == (3, 4)


def test_labels_are_not_taken_for_an_empty_binary_mask(save):
    path = save(indexed(np.array([[0, 1, 2]], np.uint8)))
    with pytest.raises(StoreError, match=r"00000.png: holds values from 0 to 2.*'instances'"):
        annotations.read(path, "binary")


def test_modes_without_labels_are_refused(save):
    with pytest.raises(StoreError, match=r"00000.png: is an image of mode RGB, but instances"):
        annotations.read(save(Image.new("RGB", (2, 2))), "instances")
    with pytest.raises(StoreError, match=r"00000.png: is an image of mode I;16, but binary"):
        annotations.read(save(Image.fromarray(np.zeros((2, 2), np.uint16))), "binary")


def test_real_davis_annotation(davis_root):
    path = davis_root / "Annotations" / "480p" / "blackswan" / "00000.png"
    foreground, void = annotations.read(path, "binary")
    assert foreground.shape == (480, 854) == annotations.size(path)
    assert 0.05 < foreground.mean() < 0.4 and not void.any()
