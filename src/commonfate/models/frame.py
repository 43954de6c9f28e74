"""Frames as networks and feature extractors take them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
"""ImageNet's mean of RGB in [0, 1]."""
STD = (0.229, 0.224, 0.225)
"""ImageNet's standard deviation of RGB in [0, 1]."""


def resize_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize bicubically, smoothed before a reduction as Pillow does.

    Args:
        frame: (H, W, 3) uint8, RGB.
        size: height h and width w of the result.

    Returns:
        (h, w, 3) uint8; `frame` itself if it has the size.
    """
    if frame.shape[:2] == tuple(size):
        return frame
    planes = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None]
    resized = functional.interpolate(planes, size=size, mode="bicubic", antialias=True)
    return resized[0].permute(1, 2, 0).contiguous().numpy()


def to_image(frame: np.ndarray) -> Tensor:
    """(3, H, W) float32 in [0, 1] of an (H, W, 3) uint8 frame."""
    return torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1).contiguous().float() / 255


def nearest_multiple(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Height and width rounded to positive multiples, halves upwards."""
    height, width = (multiple * max(1, (2 * side + multiple) // (2 * multiple)) for side in size)
    return height, width
