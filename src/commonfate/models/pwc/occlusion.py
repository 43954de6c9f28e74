"""Which pixels of a frame are hidden in another, from the flow of that other frame."""

import torch
from torch import Tensor

from commonfate.models.pwc.warp import pixel_grid


def coverage(flow: Tensor) -> Tensor:
    """How much of each pixel is reached when all pixels move along their flow.

    Each pixel lands with unit weight, shared bilinearly among the four around its end point; what
    leaves the frame is lost. Wang et al., "Occlusion Aware Unsupervised Learning of Optical Flow",
    CVPR 2018 (range map).

    Args:
        flow: (B, 2, H, W) float, from frame a to frame b, pixels.

    Returns:
        (B, 1, H, W) float32, not negative, on the grid of frame b; it carries no gradient.
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
    """Pixels of frame b that the flow from frame a to b reaches: they are visible in a.

    Returns:
        (B, 1, H, W) bool: coverage of at least `threshold`.
    """
    return coverage(flow) >= threshold
