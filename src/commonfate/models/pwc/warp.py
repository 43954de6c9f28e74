"""Backward warping by flow, and the pixels of a frame that flow from another frame reaches."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def pixel_grid(height: int, width: int, device: torch.device) -> Tensor:
    """Coordinates of pixels: (2, H, W) float32, x then y."""
    rows = torch.arange(height, dtype=torch.float32, device=device)
    columns = torch.arange(width, dtype=torch.float32, device=device)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"))


def sample(values: Tensor, points: Tensor, padding: Literal["border", "zeros"]) -> Tensor:
    """Sample maps at points, bilinearly; differentiable in both.

    Args:
        values: (B, C, H, W) float.
        points: (B, 2, h, w) float, x then y, in pixels of `values`, 0 at the first pixel's centre.
        padding: values outside: `border` repeats the outermost pixels, `zeros` are zeros.

    Returns:
        (B, C, h, w), dtype of `values`.
    """
    height, width = values.shape[-2:]
    # Half precision holds coordinates beyond 256 only to whole pixels (bfloat16).
    x, y = points.to(torch.promote_types(points.dtype, torch.float32)).unbind(1)
    normalised = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1)
    sampled = F.grid_sample(
        values.to(normalised.dtype),
        normalised,
        mode="bilinear",
        padding_mode=padding,
        align_corners=True,
    )
    return sampled.to(values.dtype)


def warp(values: Tensor, flow: Tensor, padding: Literal["border", "zeros"] = "border") -> Tensor:
    """Backward warping: sample maps of another frame at x + flow(x).

    Args:
        values: (B, C, H, W) float, of frame t + gap.
        flow: (B, 2, H, W) float, from frame t to frame t + gap, pixels.
        padding: see `sample`.

    Returns:
        (B, C, H, W) on the grid of frame t, dtype of `values`.
    """
    height, width = flow.shape[-2:]
    return sample(values, pixel_grid(height, width, flow.device) + flow, padding)


def coverage(flow: Tensor) -> Tensor:
    """Sum of the weights that reach each pixel when all pixels move along their flow.

    Each pixel lands with unit weight, shared bilinearly among the four around its end point; weight
    that leaves the frame is lost. Wang et al., "Occlusion Aware Unsupervised Learning of Optical
    Flow", CVPR 2018 (range map).

    Args:
        flow: (B, 2, H, W) float, from frame a to frame b, pixels.

    Returns:
        (B, 1, H, W) float32, not negative, on the grid of frame b, without gradient.
    """
    batch, _, height, width = flow.shape
    ends = pixel_grid(height, width, flow.device) + flow.detach().float()
    ends_x, ends_y = ends.unbind(1)
    reached = torch.zeros(batch, height * width, device=flow.device)
    for right in (0, 1):
        for below in (0, 1):
            x, y = ends_x.floor() + right, ends_y.floor() + below
            weight = (1 - (ends_x - x).abs()) * (1 - (ends_y - y).abs())
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            index = torch.where(inside, y * width + x, 0).long()
            reached.scatter_add_(1, index.flatten(1), torch.where(inside, weight, 0).flatten(1))
    return reached.view(batch, 1, height, width)


def covered(flow: Tensor, threshold: float = 0.2) -> Tensor:
    """Pixels of frame b that flow from frame a to b reaches, i.e. that are visible in a.

    Args:
        flow: as for `coverage`.
        threshold: least coverage of a visible pixel.

    Returns:
        (B, 1, H, W) bool.
    """
    return coverage(flow) >= threshold
