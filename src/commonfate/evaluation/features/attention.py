"""Attention of the class token as a mask of an object (Leopart, Ziegler and Asano 2022)."""

import numpy as np
import torch
from scipy import ndimage

RADIUS, SIGMA = 3, 0.6
"""Radius and deviation of the blur of an attention map, patches; mirrored beyond its edges."""
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
    maps = attention.astype(np.float32).mean(1)
    smooth = ndimage.gaussian_filter(maps, SIGMA, mode="mirror", radius=RADIUS, axes=(1, 2))
    blurred = torch.from_numpy(smooth).flatten(1)
    ordered, places = blurred.sort(stable=True, dim=1)
    below = (ordered / ordered.sum(1, keepdim=True)).cumsum(1)
    kept = torch.zeros_like(below, dtype=torch.bool).scatter(1, places, below > 1 - mass)
    masks = kept.reshape(maps.shape).numpy()
    for mask in masks:
        parts, _ = ndimage.label(mask, np.ones((3, 3)))
        mask &= np.bincount(parts.ravel())[parts] >= LEAST_PATCHES
    return masks
