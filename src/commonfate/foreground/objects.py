"""Parts of a foreground through time: specks, and objects that do not touch."""

from typing import Any

import numpy as np

SPECK = 0.05
"""A part of the foreground of less than this share of the largest part is a speck."""
MOST = 254
"""Objects of a shot; label 255 is void in label maps."""


def without_specks(mask: np.ndarray) -> np.ndarray:
    """Mask (T, h, w) bool without its specks: parts that are small over all frames together."""
    labels, volume = _parts(mask)
    return (volume >= SPECK * volume.max(initial=0))[labels] & mask


def instances(mask: np.ndarray) -> np.ndarray:
    """Labels of the parts of a foreground that touch in no frame.

    Parts are connected within a frame, and from a frame to the next where they overlap; so objects
    that meet in some frame are one, and one that leaves its place between two frames becomes
    another.

    Args:
        mask: (T, h, w) bool.

    Returns:
        (T, h, w) uint8: 0 is background, 1 the largest part.
    """
    labels, volume = _parts(mask)
    order = np.argsort(-volume[1:], kind="stable")[:MOST] + 1
    of_part = np.zeros(len(volume), np.uint8)
    of_part[order] = np.arange(1, len(order) + 1)
    return of_part[labels]


def _parts(mask: np.ndarray) -> tuple[Any, np.ndarray]:
    """Connected parts (T, h, w) int, and the number of pixels of each, 0 for the background."""
    from scipy import ndimage

    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    volume = np.bincount(labels.ravel())
    volume[0] = 0
    return labels, volume
