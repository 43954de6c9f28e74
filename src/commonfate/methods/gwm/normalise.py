"""Giving every flow field the same weight in training; not in the paper.

The energy of Eq. 3 is in square pixels, so frames with fast motion outweigh those with slow motion
by orders of magnitude, and a short training sees little of the latter.
"""

from torch import Tensor

from commonfate.methods.gwm.fit import without_global_fit
from commonfate.methods.gwm.loss import pixel_count, split_unknown

NOISE = 0.1
"""Motion, in pixels, that is not worth amplifying: about the error of estimated flow."""


def normalised(flow: Tensor, degree: int) -> Tensor:
    """Divide a flow field by the root mean square of what its global fit leaves.

    The loss of one region for everything is then 1 for any field (less where nothing but noise
    moves), and the loss of K regions is the share that they leave unexplained.

    Args:
        flow: (2, H, W) float, pixels; NaN where unknown.
        degree: of the flow model.

    Returns:
        (2, H, W), without unit; NaN where unknown.
    """
    filled, valid = split_unknown(flow)
    residual = without_global_fit(filled[None], valid[None], degree)
    mean_square = residual.square().sum() / pixel_count(valid)
    return flow / (mean_square + NOISE**2).sqrt()
