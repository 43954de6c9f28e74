"""Edge-aware smoothness of flow: it may change where the image does."""

from typing import Literal

from torch import Tensor


def smoothness(flow: Tensor, image: Tensor, alpha: float = 10, order: Literal[1, 2] = 1) -> Tensor:
    """Mean absolute derivative of flow, weighted by exp(-alpha |image gradient|).

    ARFlow, L_sm, with the factors of its code: derivatives along x and along y are
    averaged, and first derivatives are halved.

    Args:
        flow: (B, 2, H, W) float; in parts of the image's side if the result shall not depend on it.
        image: (B, 3, H, W) float in [0, 1].
        alpha: how fast edges of the image (mean over channels) lift the penalty.
        order: of the derivative: 1 favours constant flow, 2 flow that changes linearly.

    Returns:
        Scalar.
    """
    total = flow.new_zeros(())
    for axis in (2, 3):
        weight = (-alpha * image.diff(dim=axis).abs().mean(1, keepdim=True)).exp()
        change = flow.diff(n=order, dim=axis).abs()
        if order == 1:
            total = total + (weight * change).mean() / 4
        else:
            # The weight between the second and the third of the pixels of a second derivative.
            later = weight.narrow(axis, 1, weight.shape[axis] - 1)
            total = total + (later * change).mean() / 2
    return total
