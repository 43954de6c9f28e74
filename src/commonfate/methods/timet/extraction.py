"""TimeT's foreground of a frame: clusters of patches that attention covers, settled after training.

Cluster-based foreground extraction (Leopart, Ziegler and Asano 2022; TimeT, Table 6). Here clusters
and precisions are those of frames that training has seen, so that a frame of any video can be
segmented by itself, and without truth.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from commonfate.models.encoders import Encoder
from commonfate.models.grouping import clusters, reduction
from commonfate.models.grouping.foreground import attention_mask, fixed_threshold, precisions
from commonfate.models.settings import ExtractionSettings

REDUCTION_POINTS = 65_536
"""Most patches on which standardisation and components are fitted."""


class ForegroundClusters(nn.Module):
    """Clusters of an encoder's patches, and which of them are foreground; none before `fit`.

    Args:
        dim: C, channels of a patch.
        settings: of the extraction.

    Attributes:
        offset: (C,) float32, and `matrix` (C, D) float32: see `reduction.Reduction`.
        centres: (K, D) float32; where patches are too alike for K clusters, the last are repeated.
        is_foreground: (K,) bool.
    """

    offset: Tensor
    matrix: Tensor
    centres: Tensor
    is_foreground: Tensor

    def __init__(self, dim: int, settings: ExtractionSettings) -> None:
        super().__init__()
        self.settings = settings
        components = min(settings.components, dim)
        self.register_buffer("offset", torch.zeros(dim))
        self.register_buffer("matrix", torch.zeros(dim, components))
        self.register_buffer("centres", torch.zeros(settings.clusters, components))
        self.register_buffer("is_foreground", torch.zeros(settings.clusters, dtype=torch.bool))

    def fit(self, encoder: Encoder, batches: Iterable[Tensor]) -> None:
        """Cluster the patches of frames, and choose the clusters that are foreground.

        Args:
            encoder: a vision transformer, in evaluation mode.
            batches: of frames (B, 3, S, S) uint8, RGB, all of the same size; at least one frame.

        Raises:
            ValueError: a feature is not finite.
        """
        settings, frames, masks = self.settings, [], []
        with torch.no_grad():
            for images in batches:
                features = encoder(images.float() / 255, {"tokens", "attention"})
                frames.append(features["tokens"].half().cpu().numpy())
                attention = features["attention"].float().cpu().numpy()
                masks.append(attention_mask(attention, settings.mass))
        tokens, attended = np.concatenate(frames), np.concatenate(masks)
        vectors = tokens.reshape(-1, tokens.shape[-1])
        sampled = vectors[clusters.sample(len(vectors), REDUCTION_POINTS, settings.seed)]
        reduced = reduction.fit(sampled.astype(np.float32), self.matrix.shape[1])
        points = np.concatenate([reduced(frame.reshape(-1, frame.shape[-1])) for frame in tokens])
        centres = clusters.fit(
            points,
            settings.clusters,
            settings.seed,
            points_per_cluster=settings.points_per_cluster,
            starts=settings.starts,
            iterations=settings.iterations,
        )
        labels = clusters.assign(points, centres).reshape(attended.shape)
        each = precisions(labels, attended, len(centres))
        # NaN, the precision of a cluster without a patch, is not foreground.
        foreground = each >= fixed_threshold(each, settings.background)
        self._keep(reduced, centres, foreground)

    def _keep(
        self, reduced: reduction.Reduction, centres: np.ndarray, foreground: np.ndarray
    ) -> None:
        """Fill the buffers; components and clusters that are missing change no nearest centre."""
        components, count = reduced.matrix.shape[1], len(centres)
        self.offset.copy_(torch.from_numpy(reduced.offset))
        self.matrix.zero_()[:, :components].copy_(torch.from_numpy(reduced.matrix))
        self.centres.zero_()[:count, :components].copy_(torch.from_numpy(centres))
        self.centres[count:] = self.centres[count - 1].clone()
        self.is_foreground.fill_(False)[:count].copy_(torch.from_numpy(foreground))

    def forward(self, tokens: Tensor) -> Tensor:
        """Foreground (h, w) bool of the patches (h, w, C) of a frame, on their device."""
        reduced = (tokens - self.offset) @ self.matrix
        distances = self.centres.square().sum(1) - 2 * reduced @ self.centres.T
        return self.is_foreground[distances.argmin(-1)]
