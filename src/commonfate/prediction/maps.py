"""Predicted segments on disk, PNG: label maps with a palette, and probabilities as grey levels."""

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file

AGAIN = "run commonfate predict again"
# Okabe and Ito's colours, which colour-blind readers tell apart; black is the first label's.
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

    The bits of a class go to red, green and blue in turn, the lowest bits of a class to the highest
    bits of a colour.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colours[:, bit % 3] |= ((labels >> bit & 1) << (7 - bit // 3)).astype(np.uint8)
    return colours


def write_labels(path: str | Path, labels: np.ndarray, colours: np.ndarray | None = None) -> None:
    """Write a label map as an indexed PNG.

    Args:
        path: file; its folder is made. Not atomic: the folder of all maps is.
        labels: (H, W) uint8.
        colours: (256, 3) uint8, one a label; None is `palette`.
    """
    image = Image.fromarray(labels)
    image.putpalette((palette() if colours is None else colours).tobytes())
    _save(image, path)


def read_labels(path: str | Path, segments: int, size: tuple[int, int]) -> np.ndarray:
    """Read a label map.

    Args:
        path: an indexed PNG.
        segments: number of labels that are allowed.
        size: height and width of the annotation, which the map must have.

    Returns:
        (H, W) uint8 in [0, segments).

    Raises:
        StoreError: the file is missing, damaged, of another size, or has a label out of range.
    """
    labels = _load(path, "P", "a label map (P)", size)
    if labels.max(initial=0) >= segments:
        raise StoreError(
            f"{path}: holds label {labels.max()}, but predictions.json says that labels are 0 to "
            f"{segments - 1}; {AGAIN}"
        )
    return labels


def write_probability(path: str | Path, probability: np.ndarray) -> None:
    """Write a probability as grey levels, rounded to the nearest step of 1/255.

    Args:
        path: file; its folder is made. Not atomic: the folder of all maps is.
        probability: (H, W) float in [0, 1].
    """
    _save(Image.fromarray(np.rint(255 * probability.clip(0, 1)).astype(np.uint8)), path)


def read_probability(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read a probability.

    Args:
        path: file of `write_probability`.
        size: height and width of the annotation, which the map must have.

    Returns:
        (H, W) uint8, steps of 1/255.

    Raises:
        StoreError: the file is missing, damaged or of another size.
    """
    return _load(path, "L", "grey (L)", size)


def _save(image: Image.Image, path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="PNG")


def _load(path: str | Path, mode: str, mode_name: str, size: tuple[int, int]) -> np.ndarray:
    image = image_file.load(Path(path), "prediction", AGAIN)
    if image.mode != mode:
        raise StoreError(f"{path}: is an image of mode {image.mode}, not {mode_name}; {AGAIN}")
    values = np.asarray(image)
    if values.shape != tuple(size):
        raise StoreError(
            f"{path}: is {_by(values.shape)}, but the annotation is {_by(size)} (height x width); "
            f"{AGAIN}"
        )
    return values


def _by(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in size)
