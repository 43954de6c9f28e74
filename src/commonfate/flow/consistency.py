"""Forward-backward consistency: following the flow there and back should return to the start."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from commonfate.flow.warp import look_up

Array = TypeVar("Array", Tensor, np.ndarray)


def consistent(forward: Array, backward: Array, alpha: float = 0.01, beta: float = 0.5) -> Array:
    """Mask of the pixels where the two flows of a pair of frames agree.

    |f(x) + b(x + f(x))|^2 < alpha (|f(x)|^2 + |b(x + f(x))|^2) + beta

    Sundaram, Brox and Keutzer, "Dense Point Trajectories by GPU-accelerated Large Displacement
    Optical Flow", ECCV 2010, Eq. 5; also the occlusion test of UnFlow and ARFlow, with the same
    alpha and beta. Points that become occluded or leave the frame fail the test.

    Args:
        forward: (B, 2, H, W) float, flow of gap g at frame t, u then v, pixels; NaN where unknown.
        backward: (B, 2, H, W), flow of gap -g at frame t + g, on the same device.
        alpha: tolerance per squared length of the flow.
        beta: tolerance for still points, in squared pixels.

    Returns:
        (B, H, W) bool, a tensor on the same device, or an array if the flows are arrays: True where
        the flows agree; False where they do not, where either is unknown, and where the point
        leaves the frame.

    Raises:
        ValueError: the flows differ in shape, or are not (B, 2, H, W).
    """
    if forward.ndim != 4 or forward.shape[1] != 2 or forward.shape != backward.shape:
        raise ValueError(
            f"expected two fields (B, 2, H, W), found {tuple(forward.shape)} "
            f"and {tuple(backward.shape)}"
        )
    if isinstance(forward, np.ndarray):
        tensors = (torch.from_numpy(np.array(flow, order="C")) for flow in (forward, backward))
        return consistent(*tensors, alpha, beta).numpy()
    back, _ = look_up(backward, forward)
    there = forward.float()
    difference = (there + back).square().sum(1)
    lengths = there.square().sum(1) + back.square().sum(1)
    # NaN compares false: unknown values and points outside the frame are inconsistent.
    return difference < alpha * lengths + beta
