"""How well one frame, warped by flow, shows another: the loss at one scale or at several."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from commonfate.models.pwc.photometric import photometric_loss
from commonfate.models.pwc.warp import warp


@dataclass(frozen=True)
class Weights:
    """Weights of a photometric loss.

    Attributes:
        l1: of the absolute difference.
        ssim: of `ssim_distance`.
        ternary: of `census_distance`.
        scales: of each scale of flow, the finest first; scales beyond do not count.
    """

    l1: float
    ssim: float
    ternary: float = 0
    scales: tuple[float, ...] = (1,)


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Images (B, C, H, W) at another size: means over areas to reduce, bilinear to enlarge."""
    if image.shape[-2:] == size:
        return image
    if size[0] <= image.shape[-2] and size[1] <= image.shape[-1]:
        return F.interpolate(image, size, mode="area")
    return F.interpolate(image, size, mode="bilinear")


def reconstruction_loss(
    first: Tensor, second: Tensor, flows: Sequence[Tensor], shown: Tensor, weights: Weights
) -> Tensor:
    """Photometric loss of one direction, summed over scales.

    ARFlow, L_ph, and the released loss of AMD: each scale compares images reduced to its size.

    Args:
        first: (B, 3, H, W) float, RGB in [0, 1], the frame where flow begins.
        second: (B, 3, H, W), the frame where it ends.
        flows: (B, 2, h, w) per scale, pixels of it, finest first.
        shown: (B, 1, H, W) float, 1 where `second` shows the pixel, too, else 0.
        weights: of terms and scales.

    Returns:
        Scalar.
    """
    total = first.new_zeros(())
    for flow, weight in zip(flows, weights.scales, strict=False):
        if weight == 0:
            continue
        size = tuple(flow.shape[-2:])
        here = resized(first, size)
        warped = warp(resized(second, size), flow)
        # Nearest, as in the authors' code: masks stay binary.
        mask = F.interpolate(shown, size, mode="nearest")
        total = total + weight * photometric_loss(
            here, warped, mask, weights.l1, weights.ssim, weights.ternary
        )
    return total
