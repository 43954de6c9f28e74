"""Quantisation of flow on the device that it was estimated on: half of the bytes to copy.

The same steps, bit for bit, as `commonfate.storage.quantize` gives on the CPU.
"""

import torch
from torch import Tensor

from commonfate.storage.quantize import LARGEST, NO_VALUE, STEPS_PER_PIXEL


def quantize(flow: Tensor, steps_per_pixel: int = STEPS_PER_PIXEL) -> tuple[Tensor, Tensor]:
    """Round a batch of flow to the nearest step.

    Args:
        flow: (B, 2, H, W) float of any precision, pixels; NaN and infinite have no value.
        steps_per_pixel: steps in a pixel; what lies beyond 32767 steps saturates.

    Returns:
        (B, 2, H, W) int16 in [-32767, 32767], or -32768 where there is no value, and (B,) int64,
        the number of pixels of which a component saturated; both on the flow's device.

    Raises:
        ValueError: the shape is another one.
    """
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"flow must be (B, 2, H, W), not {tuple(flow.shape)}")
    known = flow.isfinite()
    wide = torch.promote_types(flow.dtype, torch.float32)
    steps = (flow.to(wide) * steps_per_pixel).round()
    saturated = known & (steps.abs() > LARGEST)
    steps = torch.where(known, steps.clamp(-LARGEST, LARGEST), NO_VALUE)
    return steps.to(torch.int16), saturated.any(dim=1).sum(dim=(1, 2))
