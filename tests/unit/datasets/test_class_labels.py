"""Label maps of classes: labels as grey values or as indices, never colours."""

import numpy as np
import pytest
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import mask_values

LABELS = np.array([[0, 5, 20], [15, 255, 1]], np.uint8)


def test_grey_values_and_indices_of_a_palette_are_labels(tmp_path):
    image = Image.fromarray(LABELS)
    image.save(tmp_path / "grey.png")
    image.putpalette(bytes(255 - n // 3 for n in range(768)))
    image.save(tmp_path / "indexed.png")
    for name in ("grey.png", "indexed.png"):
        labels = mask_values.class_labels(tmp_path / name)
        assert labels.dtype == np.uint8 and labels.flags.writeable
        assert np.array_equal(labels, LABELS)


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (2, 2)), Image.new("1", (2, 2)), Image.fromarray(np.zeros((2, 2), "u2"))],
    ids=lambda image: image.mode,
)
def test_other_modes_are_refused(tmp_path, image):
    image.save(tmp_path / "a.png")
    with pytest.raises(StoreError) as error:
        mask_values.class_labels(tmp_path / "a.png")
    assert str(error.value).startswith(f"{tmp_path}/a.png: is an image of mode {image.mode}, but ")


def test_a_file_that_is_missing_or_damaged(tmp_path):
    with pytest.raises(StoreError, match=r"a\.png: this annotation is missing; the manifest lists"):
        mask_values.class_labels(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(StoreError, match=r"a\.png: this annotation is not an image"):
        mask_values.class_labels(tmp_path / "a.png")
