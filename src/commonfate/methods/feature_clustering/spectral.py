"""Spectral clustering of dense features: Deep Spectral Methods (Melas-Kyriazi et al. 2022)."""

import numpy as np

from commonfate.methods.feature_clustering.kmeans import kmeans

STRUCTURE = 1e-4
"""Eigenvectors whose normalised affinity is smaller are rounding errors of float32."""
TOLERANCE = 1e-6
"""Relative accuracy of the eigenvalues."""


def affinity(features: np.ndarray) -> np.ndarray:
    """Cosines of feature vectors, negative ones set to 0.

    Melas-Kyriazi et al. 2022, Section 3.1, without the term of colour.

    Args:
        features: (N, C) float.

    Returns:
        (N, N) float32 in [0, 1], symmetric; rows of vectors that are 0 are 0.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    direction = (features / np.where(length > 0, length, 1)).astype(np.float32)
    return np.maximum(direction @ direction.T, 0)


def eigenvectors(affinities: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Solve (D - W) v = lambda D v for the smallest eigenvalues after the trivial 0.

    With y = D^(1/2) v these are the largest eigenvalues 1 - lambda of D^(-1/2) W D^(-1/2), of which
    the trivial one, y = D^(1/2) 1, is taken out. So also of a graph that falls apart, where 0 is a
    multiple eigenvalue, the next vector tells its parts from one another.

    Args:
        affinities: (N, N) float32, symmetric, not negative: W. D is diagonal, its row sums.
        count: how many eigenvectors, at most N - 1.

    Returns:
        Eigenvalues (n,), ascending, and eigenvectors (n, N) with v' D v = 1, both float32; n is
        smaller than `count` where the affinities have less structure. No vector has more positive
        than negative entries; entries without affinity to any are 0.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    degree = affinities.sum(1)
    root = np.sqrt(np.where(degree > 0, degree, 1))
    count = min(count, len(degree) - 1)
    if count < 1 or not degree.any():
        return np.zeros(0, np.float32), np.zeros((0, len(degree)), np.float32)
    trivial = np.sqrt(degree / degree.sum())

    def times(y: np.ndarray) -> np.ndarray:
        y = y.ravel()
        # The identity moves all eigenvalues by 1: ARPACK stops at a matrix of zeros.
        return y + affinities @ (y / root) / root - trivial * (trivial @ y)

    start = np.random.default_rng(0).standard_normal(len(degree)).astype(np.float32)
    operator = LinearOperator(affinities.shape, matvec=times, dtype=np.float32)
    values, vectors = eigsh(operator, count, which="LA", v0=start, tol=TOLERANCE)
    order = [i for i in np.argsort(-values) if values[i] - 1 > STRUCTURE]
    found = np.where(degree > 0, (vectors[:, order] / root[:, None]).T, 0)
    mostly_positive = np.sign(found).sum(1, keepdims=True) > 0
    return 2 - values[order], np.where(mostly_positive, -found, found)


def spectral(features: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Labels of feature vectors.

    Two clusters are the signs of the second eigenvector; more are K-means on eigenvectors 2 to K.

    Args:
        features: (N, C) float.
        clusters: number of labels, K.
        seed: of K-means.

    Returns:
        (N,) int64 in [0, K); all 0 where nothing tells the vectors apart. Of two clusters, 1 is the
        smaller. The same whatever the number of threads, which would move entries of eigenvectors
        by some 1e-6 of the largest, and the signs of those near 0.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        _, vectors = eigenvectors(affinity(features), clusters - 1)
    if len(vectors) == 0:
        return np.zeros(len(features), np.int64)
    if clusters == 2:
        return (vectors[0] > 0).astype(np.int64)
    # Rounded, so that vectors that are equal but for the solver's errors are not told apart.
    return kmeans(np.round(vectors.T / np.abs(vectors).max(), 4), clusters, seed)
