"""Clustering of feature vectors: K-means, and the spectral clustering of Deep Spectral Methods."""

import warnings

import numpy as np

from commonfate.models.grouping.spectral import affinity, eigenvectors


def kmeans(vectors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Cluster vectors by K-means; there may be fewer different vectors than clusters.

    Args:
        vectors: (N, C) float.
        clusters: number of labels, K.
        seed: seed of the initial centres; equal seeds give equal labels.

    Returns:
        (N,) int64 in [0, K). Of at most K different vectors, each is a cluster, numbered by first
        occurrence. If the vectors hardly differ, fewer than K labels occur.
    """
    labels = _number_if_few(vectors, clusters)
    if labels is not None:
        return labels
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # The order of additions depends on the number of threads, and could change close decisions.
    with threadpool_limits(1), warnings.catch_warnings():
        # Vectors that are equal up to rounding make fewer clusters, which is allowed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(clusters, random_state=seed).fit_predict(vectors).astype(np.int64)


def _number_if_few(vectors: np.ndarray, most: int) -> np.ndarray | None:
    """Number the different vectors; None if there are more than `most`."""
    numbers: dict[bytes, int] = {}
    labels = np.empty(len(vectors), np.int64)
    for i, vector in enumerate(vectors):
        labels[i] = numbers.setdefault(vector.tobytes(), len(numbers))
        if len(numbers) > most:
            return None
    return labels


def spectral(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Cluster feature vectors by the eigenvectors of their affinity (Melas-Kyriazi et al. 2022).

    Two clusters are the signs of the second eigenvector; more are K-means on eigenvectors 2 to K.

    Args:
        features: (N, C) float.
        clusters: number of labels, K.
        seed: seed of K-means.

    Returns:
        (N,) int64 in [0, K); all 0 if the vectors do not differ. Of two clusters, 1 is the smaller.
        The result does not depend on the number of threads, which would change entries of
        eigenvectors by about 1e-6 of the largest, and the signs of those near 0.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        _, vectors = eigenvectors(affinity(features), clusters - 1)
    if len(vectors) == 0:
        return np.zeros(len(features), np.int64)
    if clusters == 2:
        return (vectors[0] > 0).astype(np.int64)
    # Rounded, so that vectors that are equal up to the solver's errors are the same.
    return kmeans(np.round(vectors.T / np.abs(vectors).max(), 4), clusters, seed)
