"""Random changes of images by torchvision's transforms; a function of a seed alone."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

T = TypeVar("T")


def channels_first(frames: list[np.ndarray]) -> Tensor:
    """Stack N frames (H, W, 3) uint8 into (N, 3, H, W) uint8."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(frames).transpose(0, 3, 1, 2)))


def augment(transform: v2.Transform, images: T, seed: int) -> T:
    """Apply a random transform of `torchvision.transforms.v2`.

    All images of one call are changed in the same way: torchvision draws once a call.

    Args:
        transform: draws from torch's global generator, whose state is restored.
        images: (N, 3, H, W) uint8 or float; or several tensors, e.g. an image and its mask.
        seed: in [0, 2**63).
    """
    with torch.random.fork_rng(devices=[]):
        # Not `torch.manual_seed`, which formats a stack for GPUs that it does not seed yet.
        torch.default_generator.manual_seed(seed)
        changed: T = transform(images)
    return changed
