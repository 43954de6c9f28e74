"""Sizes at which images are seen, and bringing images and labels to them."""

import cv2
import numpy as np

LONGEST = 4
"""Of the long side, in lengths that the short side is to have: MMSegmentation fits images into
2048 x 512."""


def seen_size(size: tuple[int, int], short_side: int, factor: float = 1.0) -> tuple[int, int]:
    """Size of an image whose short side becomes `factor * short_side`, its shape kept.

    A long side that would be more than `LONGEST` times as long becomes just that.

    Args:
        size: height and width of the image.
        short_side: pixels.
        factor: of the result.

    Returns:
        Height and width, at least 1.
    """
    ratio = factor * short_side * min(1 / min(size), LONGEST / max(size))
    height, width = (max(1, int(side * ratio + 0.5)) for side in size)
    return height, width


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize bilinearly, pixel centres at half-integers, without smoothing before a reduction.

    Args:
        image: (H, W, 3) uint8.
        size: height h and width w of the result.

    Returns:
        (h, w, 3) uint8.
    """
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Take the label of the nearest pixel, pixel centres as in `resize_image`.

    Args:
        labels: (H, W) uint8.
        size: height h and width w of the result.

    Returns:
        (h, w) uint8.
    """
    return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
