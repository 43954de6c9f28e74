"""Orientation of stored images, of videos and of photographs."""

import numpy as np


def orient(image: np.ndarray, turn: tuple[bool, bool, bool]) -> np.ndarray:
    """Turn a stored image upright.

    Args:
        image: (H, W, 3) pixels as stored.
        turn: steps to take, in this order: swap the axes, mirror left-right, mirror top-bottom.

    Returns:
        (H, W, 3), or (W, H, 3) if the axes are swapped; C-contiguous.
    """
    swap, left_right, top_bottom = turn
    if swap:
        image = image.transpose(1, 0, 2)
    if left_right:
        image = image[:, ::-1]
    if top_bottom:
        image = image[::-1]
    return np.ascontiguousarray(image)
