"""Merging of K segments into two groups by appearance: Guess What Moves, Section 3.2."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.methods.gwm.pull_back import pull_back

EMPTY = 1e-6
"""Segments with a smaller mean probability count as absent from the image."""


def mean_features(features: Tensor, masks: Tensor) -> Tensor:
    """Average feature of each segment, pixels weighted by their probability.

    Guess What Moves, Section 3.2.

    Args:
        features: (B, C, H, W) float.
        masks: (B, K, H, W) float in [0, 1].

    Returns:
        (B, K, C) float32; 0 for a segment without any probability.

    Raises:
        ValueError: features and masks differ in H or W.
    """
    if features.shape[-2:] != masks.shape[-2:]:
        raise ValueError(
            f"features {tuple(features.shape)} and masks {tuple(masks.shape)} differ in H or W"
        )
    sums = torch.einsum("bchw,bkhw->bkc", features.float(), masks.float())
    mass = masks.float().sum((2, 3))[..., None]
    return torch.where(mass > 0, sums / torch.where(mass > 0, mass, 1.0), 0.0)


def segment_affinity(features: Tensor, masks: Tensor, epsilon: float = 1e-12) -> Tensor:
    """Cosine affinity between mean features of K segments.

    Guess What Moves, Eq. 6. The released code has 1e-6 for `epsilon`.

    Args:
        features: (B, C, H, W) float.
        masks: (B, K, H, W) float in [0, 1], summing to 1 over K.
        epsilon: floor of the affinity, so that the graph is connected, and of the norms.

    Returns:
        (B, K, K) float32 in [epsilon, 1], symmetric.

    Raises:
        ValueError: features and masks differ in H or W.
    """
    direction = functional.normalize(mean_features(features, masks), dim=-1, eps=epsilon)
    return (direction @ direction.mT).clamp(epsilon, 1.0)


def two_groups(affinity: np.ndarray) -> np.ndarray:
    """Spectral clustering of segments into two groups.

    Args:
        affinity: (K, K) float, symmetric, positive.

    Returns:
        (K,) int64 of 0 and 1; segment 0 is in group 0. A single segment is one group; two segments
        are a group each.
    """
    if len(affinity) <= 2:
        return np.arange(len(affinity))
    from sklearn.cluster import SpectralClustering

    clustering = SpectralClustering(2, affinity="precomputed", random_state=0)
    labels = clustering.fit_predict(affinity.astype(np.float64)).astype(np.int64)
    return labels ^ labels[0]


def merge(features: Tensor, masks: Tensor, epsilon: float = 1e-12) -> Tensor:
    """Merge the segments of one image into two groups.

    Features of a lower resolution count as upsampled bilinearly. Their means are computed at the
    low resolution, with masks that are pulled back to it, which gives the same result.

    Args:
        features: (C, h, w) float.
        masks: (K, H, W) float in [0, 1], summing to 1 over K.
        epsilon: see `segment_affinity`.

    Returns:
        (2, H, W), the probabilities summed within each group. A segment that is absent from the
        image joins group 0; if only one is present, group 1 is 0.
    """
    low = pull_back(masks, (features.shape[1], features.shape[2]), degree=0)[:, 0, 0]
    present = (masks.mean((1, 2)) > EMPTY).nonzero()[:, 0]
    affinity = segment_affinity(features[None], low[None, present], epsilon)[0]
    group_of = torch.zeros(len(masks), dtype=torch.int64)
    group_of[present] = torch.from_numpy(two_groups(affinity.numpy()))
    membership = functional.one_hot(group_of, 2).to(masks.dtype)
    return torch.einsum("khw,kg->ghw", masks, membership)
