"""Values of a mask's pixels: grey values, labels, labels of classes, or colours.

Tools write masks in grey, with a palette, in colours, with transparency. Reading one kind as
another mostly gives an empty mask, and a score of 0 that looks like a bad method. So an image that
does not fit its kind is refused.
"""

from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file

ADVICE = "the manifest lists it; copy it again"
IN_WORDS = {
    "binary": "0 and 255",
    "grey": "0 to 255, foreground from 128 on",
    "instances": "0 for background, 1 to 254 for objects, 255 for void",
    "colours": "black and colours",
}
"""Content of a mask, by kind; the kinds that a data set's `annotation_kind` may name."""
VOID = 255
"""Label of pixels that belong to no class or object, as along the borders of VOC's objects."""
MODES = ("L", "P")
"""Modes of PIL of label maps: labels as grey values, or as indices of a palette."""
COLOUR_FROM = 16
"""Least value, of 255, of a colour's brightest channel: darker is black, or JPEG's noise."""
_GREY_WITHIN = 8
"""Greatest difference between the channels of a grey image in colour: JPEG's noise."""


def levels(path: Path, kind: str) -> np.ndarray:
    """Grey values, (H, W) uint8; of a palette those of its colours, where they are grey.

    Raises:
        StoreError: the file is missing, damaged, transparent in places, or holds colours.
    """
    image = _opaque(path, kind)
    if image.mode in ("L", "1", "LA"):
        return np.asarray(image.convert("L"))
    if image.mode not in ("P", "PA", "RGB", "RGBA"):
        raise misread(path, kind, f"is an image of mode {image.mode}")
    colours = np.asarray(image.convert("RGB"))
    if (colours.max(axis=2) - colours.min(axis=2) > _GREY_WITHIN).any():
        if image.mode in ("P", "PA"):
            raise misread(path, kind, "has a palette of colours", "instances", "colours")
        raise misread(path, kind, "holds colours", "colours")
    return colours[..., 0]


def labels(path: Path, kind: str) -> np.ndarray:
    """Labels, (H, W) uint8: grey values, or indices of a palette.

    Raises:
        StoreError: the file is missing, damaged, or holds something else.
    """
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode not in MODES:
        raise misread(path, kind, f"is an image of mode {image.mode}", "binary", "colours")
    return np.asarray(image)


def class_labels(path: str | Path) -> np.ndarray:
    """Read a label map of semantic segmentation, an annotation of the kind `classes`.

    Args:
        path: an image file.

    Returns:
        (H, W) uint8: 0 is background, 1 to 254 are classes, 255 is `VOID`.

    Raises:
        StoreError: the file is missing, damaged, or holds colours instead of labels.
    """
    path = Path(path)
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode not in MODES:
        raise StoreError(
            f"{path}: is an image of mode {image.mode}, but label maps of classes are of mode "
            f"{', '.join(MODES)}; turn its values into labels of 8 bits"
        )
    return np.array(image)


def coloured(path: Path) -> np.ndarray:
    """Pixels of an image that are not black, (H, W) bool.

    Raises:
        StoreError: the file is missing, damaged, or transparent in places.
    """
    return np.asarray(_opaque(path, "colours").convert("RGB")).max(axis=2) >= COLOUR_FROM


def misread(path: Path, kind: str, problem: str, *others: str) -> StoreError:
    """Error for a mask whose content does not fit its kind.

    Args:
        path: the file.
        kind: of the data set's masks.
        problem: e.g. `holds colours`.
        others: kinds that the mask may be of.
    """
    name = kind.partition(":")[0]
    expected = IN_WORDS.get(name, IN_WORDS["binary"])
    advice = f", or set the data set's annotation_kind to {' or '.join(others)}"
    return StoreError(
        f"{path}: {problem}, but {name} masks hold {expected}; write it so"
        f"{advice if others and name in IN_WORDS else ''}"
    )


def _opaque(path: Path, kind: str) -> Image.Image:
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode in ("LA", "PA", "RGBA"):
        least, _ = image.getchannel("A").getextrema()
        if cast(float, least) < 255:  # a pair for each channel only of images with several
            raise misread(path, kind, "is transparent in places")
    return image
