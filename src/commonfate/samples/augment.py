"""Random changes of images by torchvision's transforms, as a function of a seed alone."""

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2


def channels_first(frames: list[np.ndarray]) -> Tensor:
    """(N, 3, H, W) uint8 of N frames (H, W, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(frames).transpose(0, 3, 1, 2)))


def augment(transform: v2.Transform, images: Tensor, seed: int) -> Tensor:
    """Apply a random transform of `torchvision.transforms.v2`.

    The images of one call are changed alike: torchvision draws once a call.

    Args:
        transform: draws from torch's global generator, whose state is put back.
        images: (N, 3, H, W) uint8 or float.
        seed: in [0, 2**63).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transform(images)
