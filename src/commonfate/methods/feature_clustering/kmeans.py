"""K-means on vectors, also where there are fewer different ones than clusters."""

import warnings

import numpy as np


def kmeans(vectors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Labels of vectors.

    Args:
        vectors: (N, C) float.
        clusters: number of labels, K.
        seed: of the initial centres; equal seeds give equal labels.

    Returns:
        (N,) int64 in [0, K). Of at most K different vectors, each is a cluster, numbered by first
        occurrence; fewer labels occur, too, where the vectors hardly differ.
    """
    few = _number_if_few(vectors, clusters)
    if few is not None:
        return few
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # How many threads add up, and in which order, could change the labels of close calls.
    with threadpool_limits(1), warnings.catch_warnings():
        # Vectors that are equal but for rounding make fewer clusters, which is as good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(clusters, random_state=seed).fit_predict(vectors).astype(np.int64)


def _number_if_few(vectors: np.ndarray, most: int) -> np.ndarray | None:
    """Number the different vectors, unless there are more than `most`."""
    numbers: dict[bytes, int] = {}
    labels = np.empty(len(vectors), np.int64)
    for i, vector in enumerate(vectors):
        labels[i] = numbers.setdefault(vector.tobytes(), len(numbers))
        if len(numbers) > most:
            return None
    return labels
