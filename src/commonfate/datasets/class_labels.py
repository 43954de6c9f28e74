"""Label maps of semantic segmentation: annotations of the kind `classes`."""

from pathlib import Path

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file

VOID = 255
"""Label of pixels that belong to no class, as along the borders of VOC's objects."""
MODES = ("L", "P")
"""Modes of PIL in which label maps may come: labels as grey values, or as indices of a palette."""


def read(path: str | Path) -> np.ndarray:
    """Read a label map.

    Args:
        path: an image file.

    Returns:
        (H, W) uint8: 0 is background, 1 to 254 are classes, 255 is `VOID`.

    Raises:
        StoreError: the file is missing, damaged, or holds colours instead of labels.
    """
    path = Path(path)
    image = image_file.load(path, "annotation", "the manifest lists it; copy it again")
    if image.mode not in MODES:
        raise StoreError(
            f"{path}: is an image of mode {image.mode}, but label maps of classes are of mode "
            f"{', '.join(MODES)}; turn its values into labels of 8 bits"
        )
    return np.array(image)
