"""Backward warping: what another frame shows where the pixels of this one go."""

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
        padding: what is outside: `border` repeats the outermost pixels, `zeros` are zeros.

    Returns:
        (B, C, h, w), of the type of `values`.
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
    """Bring maps of the frame where flow ends to the grid of the frame where it begins.

    Args:
        values: (B, C, H, W) float, of frame t + gap.
        flow: (B, 2, H, W) float, of that gap at frame t, pixels.
        padding: see `sample`.

    Returns:
        (B, C, H, W): `values` at x + flow(x).
    """
    return sample(values, pixel_grid(*flow.shape[-2:], flow.device) + flow, padding)
