"""Resizing flow: values are pixels of their own array, so they scale with the size."""

from typing import Literal, get_args

import cv2
import numpy as np

Mode = Literal["nearest", "linear"]


def resize(flow: np.ndarray, size: tuple[int, int], mode: Mode = "linear") -> np.ndarray:
    """Resize a flow field and scale its values by the ratio of the sizes.

    Pixel centres are at half-integers (`align_corners=False`): output pixel i samples input
    position (i + 1/2) H/h - 1/2. `linear` interpolates between the four pixels around this
    position, without antialiasing; `nearest` takes the pixel that contains the position (torch's
    `nearest-exact`).

    Args:
        flow: (2, H, W) float32, u then v, pixels; NaN where unknown.
        size: height h and width w of the result.
        mode: `nearest` keeps a NaN a single pixel; `linear` spreads NaN to all neighbours.

    Returns:
        (2, h, w) float32, u times w/W and v times h/H; a new array.

    Raises:
        ValueError: `flow` is not (2, H, W), a size is not positive, or the mode is unknown.
    """
    if flow.ndim != 3 or flow.shape[0] != 2 or 0 in flow.shape:
        raise ValueError(f"flow must be (2, H, W), found {flow.shape}")
    (height, width), (new_height, new_width) = flow.shape[1:], size
    if new_height < 1 or new_width < 1:
        raise ValueError(f"size must be positive, found {size}")
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be 'nearest' or 'linear', found {mode!r}")
    if (height, width) == (new_height, new_width):
        return np.array(flow, np.float32, order="C")
    if mode == "nearest":
        # Integer arithmetic: floor((i + 1/2) H/h) without rounding.
        rows = (2 * np.arange(new_height) + 1) * height // (2 * new_height)
        columns = (2 * np.arange(new_width) + 1) * width // (2 * new_width)
        resized = flow[:, rows[:, None], columns].astype(np.float32, copy=False)
    else:
        planes = flow.astype(np.float32, copy=False)
        shape = (new_width, new_height)
        resized = np.stack(
            [cv2.resize(plane, shape, interpolation=cv2.INTER_LINEAR) for plane in planes]
        )
    ratio = np.array([new_width / width, new_height / height], np.float32)
    return resized * ratio[:, None, None]
