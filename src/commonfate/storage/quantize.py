"""Fixed-point flow: int16 in steps of a fraction of a pixel, with a value that means 'no value'.

FlowDINO (Section IV) stores 16 bits a component in steps of 1/32 px as well, but truncates and
overflows; here values are rounded to nearest (largest error half a step) and saturate.

`quantize_tensor` gives the same steps, bit for bit, on the device that the flow was estimated on:
half of the bytes to copy.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

STEPS_PER_PIXEL = 32
NO_VALUE = -32768
LARGEST = 32767


def quantize(flow: np.ndarray, steps_per_pixel: int = STEPS_PER_PIXEL) -> tuple[np.ndarray, int]:
    """Round flow to the nearest step.

    Args:
        flow: (..., 2, H, W) float, pixels. NaN, infinite and masked (`numpy.ma`) elements are
            'no value'.
        steps_per_pixel: steps in a pixel; flow beyond 32767 steps saturates.

    Returns:
        (..., 2, H, W) int16 in [-32767, 32767], or -32768 where there is no value, and the number
        of pixels with a saturated component.

    Raises:
        ValueError: the third axis from the end does not hold two components.
    """
    if np.ma.isMaskedArray(flow):
        flow = flow.filled(np.nan)
    flow = np.asarray(flow)
    if flow.ndim < 3 or flow.shape[-3] != 2:
        raise ValueError(f"flow must be (..., 2, H, W), not {flow.shape}")
    # At least float32, so that half-precision flow does not overflow when it is scaled.
    with np.errstate(over="ignore"):  # overflow saturates below
        steps = np.multiply(flow, steps_per_pixel, dtype=np.result_type(flow, np.float32))
    np.rint(steps, out=steps)
    # True of nearly all flow; false where there is a NaN.
    if steps.size and steps.min() >= -LARGEST and steps.max() <= LARGEST:
        return steps.astype(np.int16), 0
    finite = np.isfinite(flow)
    saturated = finite & (np.abs(steps) > LARGEST)
    np.clip(steps, -LARGEST, LARGEST, out=steps)
    steps[~finite] = NO_VALUE
    return steps.astype(np.int16), int(saturated.any(axis=-3).sum())


def quantize_tensor(
    flow: "Tensor", steps_per_pixel: int = STEPS_PER_PIXEL
) -> "tuple[Tensor, Tensor]":
    """Round a batch of flow to the nearest step.

    Args:
        flow: (B, 2, H, W) float of any precision, pixels; NaN and infinite are 'no value'.
        steps_per_pixel: steps in a pixel; flow beyond 32767 steps saturates.

    Returns:
        (B, 2, H, W) int16 in [-32767, 32767], or -32768 where there is no value, and (B,) int64,
        the number of pixels with a saturated component; both on the flow's device.

    Raises:
        ValueError: the shape is another one.
    """
    import torch

    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"flow must be (B, 2, H, W), not {tuple(flow.shape)}")
    finite = flow.isfinite()
    wide = torch.promote_types(flow.dtype, torch.float32)
    steps = (flow.to(wide) * steps_per_pixel).round()
    saturated = finite & (steps.abs() > LARGEST)
    steps = torch.where(finite, steps.clamp(-LARGEST, LARGEST), NO_VALUE)
    return steps.to(torch.int16), saturated.any(dim=1).sum(dim=(1, 2))


def dequantize(steps: np.ndarray, steps_per_pixel: int = STEPS_PER_PIXEL) -> np.ndarray:
    """Turn steps into pixels.

    Args:
        steps: any shape, int16, as `quantize` returns it.
        steps_per_pixel: as given to `quantize`.

    Returns:
        The same shape, float32, pixels; NaN where there is no value.
    """
    flow = np.divide(steps, np.float32(steps_per_pixel), dtype=np.float32)
    if _has_no_value(steps):
        flow[steps == NO_VALUE] = np.nan
    return flow


def pixels_without_value(steps: np.ndarray) -> int:
    """Number of pixels of (..., 2, H, W) int16 with a component that has no value."""
    return int((steps == NO_VALUE).any(axis=-3).sum()) if _has_no_value(steps) else 0


def _has_no_value(steps: np.ndarray) -> bool:
    """True if any element is 'no value'; takes a sixth of the time of `steps == NO_VALUE`."""
    return bool(steps.size) and steps.min() == NO_VALUE
