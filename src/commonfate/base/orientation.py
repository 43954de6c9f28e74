"""Turning stored images, of videos and of photographs, as they are to be shown."""

import numpy as np


def orient(image: np.ndarray, turn: tuple[bool, bool, bool]) -> np.ndarray:
    """Turn a stored image, (H, W, 3), as it is to be shown; C-contiguous.

    Args:
        image: the pixels as they are stored.
        turn: what must be done, in this order: swap the axes, mirror left-right, mirror top-bottom.
    """
    swap, left_right, top_bottom = turn
    if swap:
        image = image.transpose(1, 0, 2)
    if left_right:
        image = image[:, ::-1]
    if top_bottom:
        image = image[::-1]
    return np.ascontiguousarray(image)
