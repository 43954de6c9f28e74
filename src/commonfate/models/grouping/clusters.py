"""K-means of many vectors: centres from a sample, then every vector to its nearest centre.

The released protocols use faiss, which takes 256 points a cluster without saying so; here the
number is an argument. Results are the same for the same seed, whatever the number of threads.
"""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from commonfate.models.grouping.threads import single_threaded

if TYPE_CHECKING:
    import torch

POINTS_PER_CLUSTER = 256
CHUNK = 16_384
"""Vectors that are compared with the centres at once."""
WORKERS = 8
"""Most threads that assign; each holds a chunk's distances."""
ITERATIONS = 50


def sample(total: int, size: int, seed: int) -> np.ndarray:
    """Positions of a random sample without repetition, ascending; all if they are not more.

    Returns:
        (min(total, size),) int64.
    """
    if total <= size:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, size, replace=False))


def fit(
    vectors: np.ndarray,
    clusters: int,
    seed: int,
    *,
    points_per_cluster: int = POINTS_PER_CLUSTER,
    iterations: int = ITERATIONS,
    starts: int = 1,
    device: str = "cpu",
) -> np.ndarray:
    """Centres by K-means with K-means++ starts: scikit-learn's, or torch's on another device.

    Args:
        vectors: (N, C) float, finite.
        clusters: K.
        seed: seed of the sample and of the starts.
        points_per_cluster: at most so many times K vectors are looked at, chosen at random.
        iterations: at most so many of Lloyd's steps.
        starts: runs, of which that of the least inertia is taken.
        device: torch device; float32 results of a GPU differ from those of a processor.

    Returns:
        (K', C) float32. K' is K unless there are at most K different vectors: these are the centres
        then, in the order of their first occurrence.

    Raises:
        ValueError: there is no vector, or one is not finite.
    """
    if not len(vectors):
        raise ValueError("no vectors to cluster")
    few = _different(vectors, clusters)
    if few is not None:
        return _finite(few)
    chosen = sample(len(vectors), points_per_cluster * clusters, seed)
    points = np.ascontiguousarray(_finite(vectors[chosen]))
    few = _different(points, clusters)
    if few is not None:
        return few
    from threadpoolctl import threadpool_limits

    # The order of additions depends on the number of threads, and could change close decisions.
    with threadpool_limits(1):
        if device == "cpu":
            return _scikit_learn(points, clusters, seed, iterations, starts)
        return _on_device(points, clusters, seed, iterations, starts, device)


def assign(
    vectors: np.ndarray, centres: np.ndarray, *, chunk: int = CHUNK, device: str = "cpu"
) -> np.ndarray:
    """Number of the nearest centre of each vector, the first of equals.

    Args:
        vectors: (N, C) float, finite.
        centres: (K, C) float32.
        chunk: vectors that are compared at once; each chunk is one thread's on a processor.
        device: torch device.

    Returns:
        (N,) int64 in [0, K).

    Raises:
        ValueError: a vector is not finite.
    """
    labels = np.empty(len(vectors), np.int64)
    squares = np.square(centres).sum(1)
    if device != "cpu":
        for part in _parts(len(vectors), chunk):
            labels[part] = _nearest(_on(_finite(vectors[part]), device), _on(centres, device)).cpu()
        return labels

    def work(part: slice) -> None:
        products = _finite(vectors[part]) @ centres.T
        labels[part] = (squares - 2 * products).argmin(1)

    with single_threaded(), ThreadPoolExecutor(min(os.cpu_count() or 1, WORKERS)) as threads:
        list(threads.map(work, _parts(len(vectors), chunk)))
    return labels


def inertia(vectors: np.ndarray, centres: np.ndarray, labels: np.ndarray) -> float:
    """Sum of the squared distances of vectors (N, C) to the centres of their labels (N,)."""
    return sum(
        float(np.square(_finite(vectors[part]) - centres[labels[part]]).sum(dtype=np.float64))
        for part in _parts(len(vectors), CHUNK)
    )


def _parts(total: int, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, total, chunk))


def _finite(vectors: np.ndarray) -> np.ndarray:
    if not np.isfinite(vectors).all():
        raise ValueError("vectors to cluster hold NaN or infinite values")
    return vectors.astype(np.float32, copy=False)


def _different(vectors: np.ndarray, most: int) -> np.ndarray | None:
    """The different vectors in order of first occurrence; None if there are more than `most`."""
    firsts: dict[bytes, int] = {}
    for i, vector in enumerate(vectors):
        firsts.setdefault(vector.tobytes(), i)
        if len(firsts) > most:
            return None
    return vectors[list(firsts.values())]


def _scikit_learn(
    points: np.ndarray, clusters: int, seed: int, iterations: int, starts: int
) -> np.ndarray:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Vectors that are equal up to rounding make fewer clusters, which is allowed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(clusters, n_init=starts, max_iter=iterations, random_state=seed)
        return model.fit(points).cluster_centers_.astype(np.float32)


def _on_device(
    points: np.ndarray, clusters: int, seed: int, iterations: int, starts: int, device: str
) -> np.ndarray:
    from sklearn.cluster import kmeans_plusplus

    best, least = None, np.inf
    for start in range(starts):
        first, _ = kmeans_plusplus(points, clusters, random_state=seed + start)
        centres = lloyd(_on(points, device), _on(first, device), iterations).cpu().numpy()
        spent = inertia(points, centres, assign(points, centres, device=device))
        if best is None or spent < least:
            best, least = centres, spent
    assert best is not None
    return best


def lloyd(points: "torch.Tensor", centres: "torch.Tensor", iterations: int) -> "torch.Tensor":
    """Lloyd's steps until no label changes; sums are products of matrices, in a fixed order.

    Args:
        points: (N, C) float32.
        centres: (K, C) float32, at the start.
        iterations: at most so many steps.

    Returns:
        (K, C) float32; a centre that loses its points stays in its place.
    """
    import torch

    labels = torch.full((len(points),), -1, device=points.device)
    for _ in range(iterations):
        previous, labels = labels, _nearest(points, centres)
        if torch.equal(previous, labels):
            break
        members = torch.nn.functional.one_hot(labels, len(centres)).T.to(points.dtype)
        sizes = members.sum(1, keepdim=True)
        centres = torch.where(sizes > 0, members @ points / sizes.clamp(min=1), centres)
    return centres


def _nearest(points: "torch.Tensor", centres: "torch.Tensor") -> "torch.Tensor":
    return (centres.square().sum(1) - 2 * points @ centres.T).argmin(1)


def _on(array: np.ndarray, device: str) -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)
