"""Ground truth masks as DAVIS, SegTrackv2 and the embedded data store them."""

from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.errors import StoreError
from commonfate.evaluation import image_file

ADVICE = "the manifest lists it; copy it again"
VOID = 255
FOREGROUND_ABOVE = 128
MODES = {"binary": ("L", "P", "1", "LA", "RGB", "RGBA"), "instances": ("L", "P")}
"""Modes of PIL in which a kind of annotation may come; P has a palette."""


def size(path: str | Path) -> tuple[int, int]:
    """Height and width of an annotation, from its header alone.

    Raises:
        StoreError: the file is missing or is not an image.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise StoreError(f"{path}: this annotation is missing; {ADVICE}") from None
    except (OSError, SyntaxError, ValueError):
        raise StoreError(f"{path}: this annotation is not an image; {ADVICE}") from None


def read(path: str | Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Read an annotation.

    Args:
        path: an image file; one with a palette is read as labels, whatever its colours.
        kind: `binary`, a value above 128 is foreground; `instances`, 0 is background, 1 to 254 are
            objects, all foreground, and 255 is void.

    Returns:
        Foreground and void, (H, W) bool each, never both true.

    Raises:
        StoreError: the file is missing, damaged, or holds something else than `kind`.
    """
    path = Path(path)
    values = _values(path, kind)
    if kind == "instances":
        void = values == VOID
        return (values > 0) & ~void, void
    foreground = values > FOREGROUND_ABOVE
    if values.any() and not foreground.any():
        raise StoreError(
            f"{path}: holds values from 0 to {values.max()}, but a binary annotation has 0 and "
            f"255; should its annotation_kind be 'instances'?"
        )
    return foreground, np.zeros_like(foreground)


def _values(path: Path, kind: str) -> np.ndarray:
    """(H, W) uint8: labels of an image with a palette, otherwise grey values."""
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode not in MODES[kind]:
        raise StoreError(
            f"{path}: is an image of mode {image.mode}, but {kind} annotations are of mode "
            f"{', '.join(MODES[kind])}"
        )
    return np.asarray(image if image.mode == "P" else image.convert("L"))
