"""Predicted segments on disk: PNG label maps whose palette makes them pleasant to look at."""

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file

# Okabe and Ito's colours, told apart by colour-blind readers too; black is the first label's.
_FIRST = "000000 E69F00 56B4E9 009E73 F0E442 0072B2 D55E00 CC79A7"
_GOLDEN = 0.618034


def palette() -> np.ndarray:
    """(256, 3) uint8 colours, one a label; the first sixteen are well apart."""
    first = [tuple(bytes.fromhex(colour)) for colour in _FIRST.split()]
    shades = (
        colorsys.hsv_to_rgb(n * _GOLDEN % 1, 0.45 + 0.2 * (n % 3), 0.95 - 0.2 * (n % 2))
        for n in range(256 - len(first))
    )
    rest = [tuple(round(255 * value) for value in shade) for shade in shades]
    return np.array(first + rest, np.uint8)


def voc_palette() -> np.ndarray:
    """(256, 3) uint8 colours of classes as in PASCAL VOC: 0 is black, void (255) cream.

    The bits of a class are dealt to red, green and blue in turn, the lowest to the highest bit of
    a colour.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colours[:, bit % 3] |= ((labels >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    return colours


def write(path: str | Path, labels: np.ndarray, colours: np.ndarray | None = None) -> None:
    """Write a label map as an indexed PNG.

    Args:
        path: file; its folder is made. Not atomic: the folder of all maps is.
        labels: (H, W) uint8.
        colours: (256, 3) uint8, one a label; None is `palette`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette((palette() if colours is None else colours).tobytes())
    image.save(path, format="PNG")


def read(path: str | Path, segments: int, size: tuple[int, int]) -> np.ndarray:
    """Read a label map.

    Args:
        path: an indexed PNG.
        segments: how many labels there may be.
        size: height and width that it should have, those of the annotation.

    Returns:
        (H, W) uint8 in [0, segments).

    Raises:
        StoreError: the file is missing, damaged, of another size, or has a label out of range.
    """
    path = Path(path)
    again = "run commonfate predict again"
    image = image_file.load(path, "prediction", again)
    if image.mode != "P":
        raise StoreError(f"{path}: is an image of mode {image.mode}, not a label map (P); {again}")
    labels = np.asarray(image)
    if labels.shape != tuple(size):
        raise StoreError(
            f"{path}: is {_by(labels.shape)}, but the annotation is {_by(size)} (height x width); "
            f"{again}"
        )
    if labels.max(initial=0) >= segments:
        raise StoreError(
            f"{path}: holds label {labels.max()}, but predictions.json says that labels are 0 to "
            f"{segments - 1}; {again}"
        )
    return labels


def _by(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in size)
