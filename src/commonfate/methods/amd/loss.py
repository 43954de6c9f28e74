"""Training losses of AMD: reconstruction of each frame of a pair from the other (Section 3.4)."""

import torch
from torch import Tensor

from commonfate.models.pwc.losses import Weights, reconstruction_loss, ssim_distance
from commonfate.models.pwc.segment_flow import SegmentFlow
from commonfate.models.pwc.warp import covered, warp

RELEASED = Weights(l1=0.15, ssim=0.85, scales=(1, 1, 1, 1, 0))
"""Terms and scales of the released configuration."""
COVERED_FROM = 0.2
"""Least coverage of a visible pixel (released code)."""


def paper_loss(
    first: Tensor, second: Tensor, forward: SegmentFlow, backward: SegmentFlow
) -> Tensor:
    """SSIM distance between each frame and the other warped to it, summed: Eq. 6 and 7.

    Args:
        first: (B, 3, H, W) float, RGB in [0, 1].
        second: the same shape.
        forward: segment flow from the first frame to the second.
        backward: segment flow from the second frame to the first.

    Returns:
        Scalar in [0, 2]: means over pixels of (1 - SSIM) / 2.
    """
    there, back = warp(second, forward.flows[0]), warp(first, backward.flows[0])
    return ssim_distance(first, there).mean() + ssim_distance(second, back).mean()


def released_loss(
    first: Tensor, second: Tensor, forward: SegmentFlow, backward: SegmentFlow
) -> Tensor:
    """0.85 SSIM and 0.15 L1 of visible pixels at four scales, averaged over the two directions.

    The paper has neither L1 nor scales nor occlusion. Arguments and result as for `paper_loss`.
    """
    shown_first = covered(backward.flows[0], COVERED_FROM).float()
    shown_second = covered(forward.flows[0], COVERED_FROM).float()
    losses = (
        reconstruction_loss(first, second, forward.flows, shown_first, RELEASED),
        reconstruction_loss(second, first, backward.flows, shown_second, RELEASED),
    )
    return torch.stack(losses).mean()


LOSSES = {"paper": paper_loss, "released": released_loss}
