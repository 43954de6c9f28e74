"""Flow as torch tensors: consistency, and quantization on the device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from commonfate.flow.consistency import consistent
from commonfate.storage.quantize import quantize_tensor


def join(flows: Sequence[Tensor | np.ndarray]) -> Tensor:
    """Join batches of flow, each (B, 2, H, W) float32, into one; arrays are copied."""
    tensors = [
        torch.from_numpy(np.ascontiguousarray(flow)) if isinstance(flow, np.ndarray) else flow
        for flow in flows
    ]
    return torch.cat(tensors)


def without_inconsistent(flows: Tensor) -> Tensor:
    """Set pixels to NaN where the two directions of a pair of frames disagree.

    Args:
        flows: (2 B, 2, H, W) float32, pixels: each forward field is followed by its backward field.
    """
    forward, backward = flows[0::2], flows[1::2]
    agreeing = torch.stack([consistent(forward, backward), consistent(backward, forward)], 1)
    return flows.where(agreeing.flatten(0, 1)[:, None], torch.nan)


class Transfer:
    """Quantized fields on their way from the device to the CPU.

    An item is (2, H, W) int16 steps and the number of saturated pixels; reading one waits for all.
    """

    def __init__(self, flows: Tensor, steps_per_pixel: int) -> None:
        """Quantize flow (B, 2, H, W) on its device, and start to copy."""
        steps, saturated = quantize_tensor(flows, steps_per_pixel)
        # From a GPU the copy goes to pinned memory, and is not waited for.
        self._steps = steps.to("cpu", non_blocking=True)
        self._saturated = saturated.to("cpu", non_blocking=True)
        self._event = None
        if steps.is_cuda:
            self._event = torch.cuda.Event()
            self._event.record()

    def __getitem__(self, position: int) -> tuple[np.ndarray, int]:
        if self._event is not None:
            self._event.synchronize()
        return self._steps[position].numpy(), int(self._saturated[position])
