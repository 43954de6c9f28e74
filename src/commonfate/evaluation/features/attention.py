"""Attention of the class token as a mask of an object (Leopart, Ziegler and Asano 2022)."""

import numpy as np
import torch
from scipy import ndimage
from torchvision.transforms.v2.functional import gaussian_blur

BLUR, SIGMA = 7, 0.6
"""Kernel and deviation of the blur of an attention map, patches."""
LEAST_PATCHES = 3
"""Smaller components of an attention mask are removed."""


def attention_mask(attention: np.ndarray, mass: float) -> np.ndarray:
    """Patches that hold most of the attention, without specks.

    Heads are averaged, the map is blurred, and the patches of the most attention are kept, until
    they hold the wanted share; components of one or two patches (8-connected) are removed.

    Args:
        attention: (n, heads, h, w) float, rows of the class token.
        mass: share that is kept.

    Returns:
        (n, h, w) bool.
    """
    maps = torch.from_numpy(attention.astype(np.float32)).mean(1, keepdim=True)
    blurred = gaussian_blur(maps, [BLUR, BLUR], [SIGMA, SIGMA]).flatten(1)
    ordered, places = blurred.sort(stable=True, dim=1)
    below = (ordered / ordered.sum(1, keepdim=True)).cumsum(1)
    kept = torch.zeros_like(below, dtype=torch.bool).scatter(1, places, below > 1 - mass)
    masks = kept.reshape(maps[:, 0].shape).numpy()
    for mask in masks:
        parts, _ = ndimage.label(mask, np.ones((3, 3)))
        mask &= np.bincount(parts.ravel())[parts] >= LEAST_PATCHES
    return masks
