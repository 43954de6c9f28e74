"""Baseline without learning and without motion: k-means on dense features of one frame."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.methods.base import Method, Prediction
from commonfate.methods.kmeans.settings import KMeansSettings
from commonfate.models import features
from commonfate.models.frame import resize_frame


class KMeans(Method):
    """Clusters of the feature vectors of one frame, as in Guess What Moves, Table 6.

    Every position of the feature map counts once; position itself is not a feature.
    """

    settings: KMeansSettings

    @property
    def description(self) -> dict[str, str]:
        height, width = self.settings.image_size
        return {"features": self.settings.features, "resolution": f"{height}x{width}"}

    def predict(
        self, model: nn.Module | None, frame: np.ndarray, flow: np.ndarray | None
    ) -> Prediction:
        """Segment one frame at the features' resolution; `flow` is not looked at.

        Components and groups are the same.
        """
        extractor = features.create(self.settings.features, self.settings.weights)
        dense = extractor(resize_frame(frame, self.settings.image_size))
        labels = cluster(dense, self.settings.clusters, self.settings.seed)
        masks = functional.one_hot(labels, self.settings.clusters).permute(2, 0, 1).float()
        return Prediction(components=masks, groups=masks)


def cluster(dense: Tensor, clusters: int, seed: int) -> Tensor:
    """K-means labels of a feature map.

    Args:
        dense: (C, h, w) float32 features.
        clusters: number of labels.
        seed: of the initial centres; equal seeds give equal labels.

    Returns:
        (h, w) int64; fewer different labels where there are fewer different vectors.
    """
    from sklearn import cluster as sklearn_cluster

    vectors = dense.flatten(1).T.contiguous().numpy()
    algorithm = sklearn_cluster.KMeans(clusters, random_state=seed)
    labels = algorithm.fit_predict(vectors).astype(np.int64)
    return torch.from_numpy(labels).unflatten(0, dense.shape[1:])


def create(settings: KMeansSettings) -> KMeans:
    """Make the method."""
    return KMeans(settings)
