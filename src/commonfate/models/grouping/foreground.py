"""Foreground without truth: clusters of patches that attention covers.

The parts of cluster-based foreground extraction (Leopart, Ziegler and Asano 2022): attention of the
class token as a mask, the precision of each cluster against it, and the cut that needs no truth.
"""

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


def precisions(labels: np.ndarray, attended: np.ndarray, k: int) -> np.ndarray:
    """Share of each cluster that attention covers, averaged over the images in which it occurs.

    Args:
        labels: (n, H, W) integers in [0, K).
        attended: (n, H, W) bool.
        k: K.

    Returns:
        (K,) float64; NaN of clusters that do not occur.
    """
    sizes, covered = (
        np.stack(
            [
                np.bincount(image[part], minlength=k)
                for image, part in zip(labels, parts, strict=True)
            ]
        )
        for parts in (np.ones_like(attended, bool), attended.astype(bool))
    )
    occurs = sizes > 0
    shares = np.where(occurs, covered / np.maximum(sizes, 1), 0)
    images = occurs.sum(0)
    return np.where(images > 0, shares.sum(0) / np.maximum(images, 1), np.nan)


def fixed_threshold(each: np.ndarray, background: float) -> float:
    """Least precision of the foreground, if a share of the clusters that occur is background."""
    ordered = np.sort(each[~np.isnan(each)])
    place = int(round(background * len(ordered), 6))
    return float(ordered[place]) if place < len(ordered) else float("inf")
