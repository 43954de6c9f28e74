"""Backward warping: sample another frame at x + flow(x)."""

import torch
from torch import Tensor


def look_up(values: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Sample values at x + flow(x), bilinearly between the four nearest pixel centres.

    The frame is the area of its pixels: a point at most half a pixel beyond the outermost centres
    is inside and takes their value.

    Args:
        values: (B, C, H, W) float, of frame t + gap.
        flow: (B, 2, H, W) float, of that gap, u then v, pixels; NaN where unknown; on the same
            device.

    Returns:
        (B, C, H, W) float32, NaN outside the frame and where a pixel of nonzero weight is NaN; and
        (B, H, W) bool, True for points inside the frame, False where flow is unknown.
    """
    height, width = flow.shape[-2:]
    rows = torch.arange(height, dtype=torch.float32, device=flow.device)[:, None]
    columns = torch.arange(width, dtype=torch.float32, device=flow.device)
    x, y = columns + flow[:, 0].float(), rows + flow[:, 1].float()
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    x = torch.where(inside, x.clamp(0, width - 1), 0)[:, None]
    y = torch.where(inside, y.clamp(0, height - 1), 0)[:, None]
    left, top = x.floor(), y.floor()
    # A point on a centre has that centre as both neighbours, so a NaN beside it has no effect.
    right, bottom = x.ceil(), y.ceil()
    flat = values.float().flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (row * width + column).long().flatten(2)
        return flat.gather(2, index.expand(-1, flat.shape[1], -1)).unflatten(2, (height, width))

    above = torch.lerp(at(top, left), at(top, right), x - left)
    below = torch.lerp(at(bottom, left), at(bottom, right), x - left)
    sampled = torch.lerp(above, below, y - top)
    return torch.where(inside[:, None], sampled, torch.nan), inside
