"""Ground truth masks as the datasets store them; `datasets.base` lists the kinds.

A kind may end in a number: `union:2` (two files a frame), `fbms:0.1` (the threshold).
"""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.datasets import class_labels, image_file
from commonfate.errors import StoreError

ADVICE = "the manifest lists it; copy it again"
FOREGROUND_ABOVE = 128
GREY_FOREGROUND_FROM = 128
"""More than 0.5 of 255, as Guess What Moves' notebook binarises the masks of image benchmarks."""
FBMS_BACKGROUND_ABOVE = 0.99
"""Grey, of 1, that is background in FBMS-59's .ppm files: their background is white."""

KINDS = ("binary", "grey", "instances", "classes", "union:N", "fbms:X")
"""For messages; N counts files, X is a threshold."""
_KIND = re.compile(r"binary|grey|instances|classes|union:[1-9][0-9]*|fbms:0\.[0-9]+")
_ANY_GREY = ("L", "P", "1", "LA", "RGB", "RGBA")
MODES = {"binary": _ANY_GREY, "grey": _ANY_GREY, "instances": ("L", "P")}
"""Modes of PIL in which a kind of annotation may come; P has a palette."""


def is_kind(kind: str) -> bool:
    """Whether annotations of this kind can be read."""
    return _KIND.fullmatch(kind) is not None


def size(path: str | Path) -> tuple[int, int]:
    """Height and width of an annotation, from its header alone.

    Args:
        path: a file, or the pattern of an annotation of several files.

    Raises:
        StoreError: the file is missing or is not an image.
    """
    file = path if Path(path).exists() else (_matches(path) or [path])[0]
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise StoreError(f"{path}: this annotation is missing; {ADVICE}") from None
    except (OSError, SyntaxError, ValueError):
        raise StoreError(f"{file}: this annotation is not an image; {ADVICE}") from None


def read(path: str | Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Read an annotation.

    Args:
        path: an image file; of the kind `union`, a pattern that matches several.
        kind: what it holds. `binary`: above 128 is foreground, labels instead of colours count
            where the image has a palette. `grey`: 128 and above, of the colour's red. `instances`:
            0 is background, 1 to 254 are objects, all foreground, and 255 is void. `classes`:
            likewise, of classes instead of objects. `union:N`: N binary files that are foreground
            together. `fbms:X`: grey above X, of 1.

    Returns:
        Foreground and void, (H, W) bool each, never both true.

    Raises:
        StoreError: a file is missing, damaged, or holds something else than `kind`.
        ValueError: there is no such kind.
    """
    if not is_kind(kind):
        raise ValueError(f"annotation_kind {kind!r} is unknown; known: {', '.join(KINDS)}")
    path = Path(path)
    name, _, number = kind.partition(":")
    if name in ("instances", "classes"):
        values = class_labels.read(path) if name == "classes" else _values(path, name)
        void = values == class_labels.VOID
        return (values > 0) & ~void, void
    if name == "union":
        foreground = _union(path, int(number))
    elif name == "fbms":
        foreground = _fbms(path, float(number))
    elif name == "grey":
        foreground = _values(path, name) >= GREY_FOREGROUND_FROM
    else:
        foreground = _binary([path])
    return foreground, np.zeros_like(foreground)


def _binary(files: Sequence[Path]) -> np.ndarray:
    """(H, W) bool: foreground in any of the files, which have the same size."""
    values = [_values(file, "binary") for file in files]
    for file, one in zip(files, values, strict=True):
        if one.shape != values[0].shape:
            raise StoreError(
                f"{file}: is {one.shape[1]}x{one.shape[0]}, but {files[0]} of the same frame is "
                f"{values[0].shape[1]}x{values[0].shape[0]}; {ADVICE}"
            )
    highest = np.max(values, axis=0)
    foreground = highest > FOREGROUND_ABOVE
    if highest.any() and not foreground.any():
        raise StoreError(
            f"{files[0]}: holds values from 0 to {highest.max()}, but a binary annotation has 0 "
            f"and 255; should its annotation_kind be 'instances'?"
        )
    return foreground


def _union(pattern: Path, count: int) -> np.ndarray:
    files = _matches(pattern)
    if len(files) != count:
        raise StoreError(
            f"{pattern}: {len(files)} files where the masks of {count} objects should be; {ADVICE}"
        )
    return _binary(files)


def _matches(pattern: str | Path) -> list[Path]:
    return [Path(file) for file in sorted(glob.glob(str(pattern)))]  # noqa: PTH207


def _fbms(path: Path, threshold: float) -> np.ndarray:
    """Binarise as MotionGrouping's tools/FBMS_clean.py, which the papers scored with.

    Decoded by OpenCV as there: Pillow would stretch grey values whose greatest is not 255.
    """
    import cv2

    image_file.load(path, "annotation", ADVICE)  # finds files that OpenCV reads without complaint
    colours = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if colours is None:
        raise StoreError(f"{path}: this annotation is damaged; {ADVICE}")
    grey = cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY) / 255.0
    if path.suffix.lower() == ".ppm":
        grey[grey > FBMS_BACKGROUND_ABOVE] = 0.0
    return grey > threshold


def _values(path: Path, kind: str) -> np.ndarray:
    """(H, W) uint8: labels of an image with a palette, otherwise grey values.

    Of the kind `grey`, a palette is looked up, and of colours only red counts.
    """
    image = image_file.load(path, "annotation", ADVICE)
    if image.mode not in MODES[kind]:
        raise StoreError(
            f"{path}: is an image of mode {image.mode}, but {kind} annotations are of mode "
            f"{', '.join(MODES[kind])}"
        )
    if kind == "grey":
        return np.asarray(image.convert("RGB"))[..., 0]
    return np.asarray(image if image.mode == "P" else image.convert("L"))
