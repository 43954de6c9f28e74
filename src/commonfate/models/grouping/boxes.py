"""Boxes of masks, and the overlap of boxes: (x0, y0, x1, y1) in pixels, ends excluded."""

import numpy as np

EIGHT_NEIGHBOURS = np.ones((3, 3))
RELEASED_EPSILON = 1e-7
"""Added to the heights and the union of boxes by the released code of Deep Spectral Methods."""


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest 8-connected part of a mask (h, w), the first in raster order of equals.

    Raises:
        ValueError: the mask is empty.
    """
    from scipy import ndimage

    parts, count = ndimage.label(mask, EIGHT_NEIGHBOURS)
    if not count:
        raise ValueError("expected a mask with a foreground, found an empty one")
    return parts == 1 + np.bincount(parts.ravel())[1:].argmax()


def box_of(mask: np.ndarray) -> np.ndarray:
    """The smallest box (4,) int64 around a mask (h, w) that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def box_of_patches(mask: np.ndarray, patch: int, size: tuple[int, int]) -> np.ndarray:
    """The box of the object in a mask of patches, as Deep Spectral Methods find it.

    A mask of more than half of the patches, or of none, is inverted: the object is the smaller
    part. The box is that of its largest component.

    Args:
        mask: (h, w) bool.
        patch: pixels of a patch's side.
        size: height and width of the image, to which the box is clipped.

    Returns:
        (4,) int64.
    """
    mask = mask.astype(bool)
    share = mask.mean()
    if 0.5 < share < 1 or share == 0:
        mask = ~mask
    height, width = size
    return np.minimum(box_of(largest_component(mask)) * patch, [width, height, width, height])


def overlap(first: np.ndarray, second: np.ndarray, epsilon: float = 0.0) -> np.ndarray:
    """Intersection over union of each box with each.

    Args:
        first, second: (N, 4) and (M, 4).
        epsilon: added to the heights and to the union; `RELEASED_EPSILON` for the released
            numbers.

    Returns:
        (N, M) float64; 0 for boxes without an area.
    """
    first, second = first[:, None].astype(float), second[None].astype(float)
    start = np.maximum(first[..., :2], second[..., :2])
    end = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.maximum(end - start, 0).prod(-1)
    areas = [
        (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1] + epsilon)
        for box in (first, second)
    ]
    union = areas[0] + areas[1] - shared + epsilon
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
