"""Baseline without learning and without motion: clusters of dense features of one frame."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.methods.base import Prediction, Segmenting
from commonfate.methods.feature_clustering.clustering import kmeans, spectral
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.methods.gwm.merge import merge
from commonfate.models import features
from commonfate.models.catalogue import MULTIPLE
from commonfate.models.frame import nearest_multiple, resize_frame


class FeatureClustering(Segmenting):
    """Clusters of the feature vectors of one frame, as in Guess What Moves, Table 6.

    Every position of the feature map counts once; position itself is not a feature.
    """

    settings: FeatureClusteringSettings

    @property
    def description(self) -> dict[str, str]:
        height, width = self.settings.image_size
        return {"features": self.settings.features, "resolution": f"{height}x{width}"}

    def feature_file(self) -> Path | None:
        """Weights of DINO, whose features are clustered, fetched if need be; or None."""
        return features.weights_file(self.settings.features, self.settings.weights)

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame at the resolution of its feature map; flow is not read.

        Without merging, components and groups are the same.
        """
        settings = self.settings
        size = nearest_multiple(size or settings.image_size, MULTIPLE[settings.features])
        extractor = features.create(settings.features, settings.weights)
        dense = extractor(resize_frame(frame, size))
        if settings.algorithm == "spectral":
            dense = averaged(dense, settings.positions)
        masks = cluster(dense, settings)
        return Prediction(masks, merge(dense, masks) if settings.merge else masks)


def averaged(dense: Tensor, positions: int) -> Tensor:
    """Average a feature map over areas, to at most `positions` positions, keeping its aspect.

    Args:
        dense: (C, h, w) float.
        positions: largest number of positions.

    Returns:
        (C, h', w'), or `dense` itself if it is small enough.
    """
    height, width = dense.shape[1:]
    scale = math.sqrt(positions / (height * width))
    if scale >= 1:
        return dense
    size = (max(1, int(height * scale)), max(1, int(width * scale)))
    return functional.interpolate(dense[None], size=size, mode="area")[0]


def cluster(dense: Tensor, settings: FeatureClusteringSettings) -> Tensor:
    """Clusters of a feature map, one-hot.

    Args:
        dense: (C, h, w) float32 features.
        settings: algorithm, number of clusters K, seed.

    Returns:
        (K, h, w) float32 of 0 and 1; masks of empty clusters are 0.
    """
    vectors = dense.flatten(1).T.contiguous().numpy()
    algorithm = spectral if settings.algorithm == "spectral" else kmeans
    labels = torch.from_numpy(algorithm(vectors, settings.clusters, settings.seed))
    masks = functional.one_hot(labels.unflatten(0, dense.shape[1:]), settings.clusters)
    return masks.permute(2, 0, 1).float()


def create(settings: FeatureClusteringSettings) -> FeatureClustering:
    """Make the method."""
    return FeatureClustering(settings)
