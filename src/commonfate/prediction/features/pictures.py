"""Pictures as an encoder sees them: resized and cut as a view says."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.prediction.features.views import Placement


def picture(frame: np.ndarray, placement: Placement, bicubic: bool) -> Tensor:
    """Resize a frame, smoothed before a reduction as Pillow does, and cut it.

    Resized pixels are rounded to whole numbers, as the authors', who resize Pillow's images. It is
    torch's own resizing, which torchvision calls, too: importing torchvision takes seconds.

    Args:
        frame: (H, W, 3) uint8, RGB.
        placement: made for the frame's size.
        bicubic: interpolation; else bilinear.

    Returns:
        (3, h, w) float32, RGB in [0, 1], of the placement's size.
    """
    planes = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)
    if tuple(planes.shape[1:]) != placement.resized:
        mode = "bicubic" if bicubic else "bilinear"
        size = list(placement.resized)
        planes = functional.interpolate(planes[None], size=size, mode=mode, antialias=True)[0]
    top, left = placement.top, placement.left
    height, width = placement.size
    return planes[:, top : top + height, left : left + width].contiguous().float() / 255


def labels(truth: np.ndarray, placement: Placement) -> np.ndarray:
    """Truth of the same part of a frame, at the picture's size.

    Args:
        truth: (H, W) uint8 of the frame's size.
        placement: made for the frame's size.

    Returns:
        (h, w) uint8; each pixel has the nearest one's label.
    """
    planes = torch.from_numpy(np.ascontiguousarray(truth))[None]
    if tuple(planes.shape[1:]) != placement.resized:
        size = list(placement.resized)
        planes = functional.interpolate(planes[None], size=size, mode="nearest-exact")[0]
    top, left = placement.top, placement.left
    height, width = placement.size
    return planes[0, top : top + height, left : left + width].numpy().copy()
