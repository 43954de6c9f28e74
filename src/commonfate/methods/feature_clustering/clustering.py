"""Clustering of feature vectors: K-means, and the spectral clustering of Deep Spectral Methods."""

import warnings

import numpy as np

STRUCTURE = 1e-4
"""Eigenvectors with a smaller normalised affinity are rounding errors of float32."""
TOLERANCE = 1e-6
"""Relative accuracy of the eigenvalues."""


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


def affinity(features: np.ndarray) -> np.ndarray:
    """Cosines of feature vectors, negative ones set to 0.

    Melas-Kyriazi et al. 2022, Section 3.1, without the colour term.

    Args:
        features: (N, C) float.

    Returns:
        (N, N) float32 in [0, 1], symmetric; rows of zero vectors are 0.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    direction = (features / np.where(length > 0, length, 1)).astype(np.float32)
    return np.maximum(direction @ direction.T, 0)


def eigenvectors(affinities: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Solve (D - W) v = lambda D v for the smallest eigenvalues after the trivial 0.

    With y = D^(1/2) v these are the largest eigenvalues 1 - lambda of D^(-1/2) W D^(-1/2), from
    which the trivial solution, y = D^(1/2) 1, is removed. So the next vector separates the parts
    even of a graph that is not connected, where 0 is a multiple eigenvalue.

    Args:
        affinities: (N, N) float32, symmetric, not negative: W. D is diagonal, its row sums.
        count: number of eigenvectors, at most N - 1.

    Returns:
        Eigenvalues (n,), ascending, and eigenvectors (n, N) with v' D v = 1, both float32; n is
        smaller than `count` if the affinities have less structure. No vector has more positive than
        negative entries; entries without any affinity are 0.
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
        # The identity shifts all eigenvalues by 1: ARPACK fails on a matrix of zeros.
        return y + affinities @ (y / root) / root - trivial * (trivial @ y)

    start = np.random.default_rng(0).standard_normal(len(degree)).astype(np.float32)
    operator = LinearOperator(affinities.shape, matvec=times, dtype=np.float32)
    values, vectors = eigsh(operator, count, which="LA", v0=start, tol=TOLERANCE)
    order = [i for i in np.argsort(-values) if values[i] - 1 > STRUCTURE]
    solutions = np.where(degree > 0, (vectors[:, order] / root[:, None]).T, 0)
    mostly_positive = np.sign(solutions).sum(1, keepdims=True) > 0
    return 2 - values[order], np.where(mostly_positive, -solutions, solutions)
