"""Values of a mask's pixels, whichever way its image keeps them, or a line that says why not.

Tools write masks in grey, with a palette, in colours, with transparency. Reading one kind as
another mostly gives an empty mask, and a score of 0 that looks like a bad method.
"""

from pathlib import Path

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
"""What a mask holds, by kind; the kinds that a data set's `annotation_kind` may name."""
COLOUR_FROM = 16
"""Of 255, in some channel: darker is black. JPEG leaves a few steps of noise."""
_GREY_WITHIN = 8
"""Channels of a grey image that is kept in colour differ by at most so much: JPEG's noise."""


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
    if image.mode not in ("L", "P"):
        raise misread(path, kind, f"is an image of mode {image.mode}", "binary", "colours")
    return np.asarray(image)


def coloured(path: Path) -> np.ndarray:
    """Where an image is not black, (H, W) bool.

    Raises:
        StoreError: the file is missing, damaged, or transparent in places.
    """
    return np.asarray(_opaque(path, "colours").convert("RGB")).max(axis=2) >= COLOUR_FROM


def misread(path: Path, kind: str, found: str, *others: str) -> StoreError:
    """The error for a mask that does not hold what its kind says.

    Args:
        path: the file.
        kind: what it should be.
        found: what it is, e.g. `holds colours`.
        others: kinds that it may be of.
    """
    name = kind.partition(":")[0]
    expected = IN_WORDS.get(name, IN_WORDS["binary"])
    do = f", or set the data set's annotation_kind to {' or '.join(others)}"
    return StoreError(
        f"{path}: {found}, but {name} masks hold {expected}; write it so"
        f"{do if others and name in IN_WORDS else ''}"
    )


def _opaque(path: Path, kind: str) -> Image.Image:
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode in ("LA", "PA", "RGBA") and image.getchannel("A").getextrema()[0] < 255:
        raise misread(path, kind, "is transparent in places")
    return image
