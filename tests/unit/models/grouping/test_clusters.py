"""K-means of many vectors."""

import numpy as np
import pytest
import threadpoolctl
import torch
from sklearn.cluster import KMeans, kmeans_plusplus

from commonfate.models.grouping.clusters import assign, fit, inertia, lloyd, sample


def blobs(n: int = 3000, kinds: int = 6, channels: int = 5, spread: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((kinds, channels))
    return (centres[np.arange(n) % kinds] + spread * rng.standard_normal((n, channels))).astype(
        "f4"
    )


def test_a_sample_is_ascending_without_repetition():
    chosen = sample(100, 10, 3)
    assert len(np.unique(chosen)) == 10
    assert (np.diff(chosen) > 0).all()
    assert np.array_equal(chosen, sample(100, 10, 3))
    assert sample(4, 10, 0).tolist() == [0, 1, 2, 3]


def test_blobs_are_separated_from_a_sample():
    vectors = blobs()
    centres = fit(vectors, 6, 0, points_per_cluster=20, starts=3)
    labels = assign(vectors, centres)
    assert np.array_equal(labels, labels[:6][np.arange(len(vectors)) % 6])
    assert len(set(labels[:6])) == 6


def test_inertia_is_near_that_of_all_points():
    vectors = blobs(spread=3)
    centres = fit(vectors, 6, 0, starts=3)
    labels = assign(vectors, centres)
    assert (
        inertia(vectors, centres, labels) <= 1.02 * KMeans(6, random_state=0).fit(vectors).inertia_
    )
    distances = np.linalg.norm(vectors[:, None] - centres, axis=2)
    assert np.array_equal(labels, distances.argmin(1))


def test_the_same_labels_with_one_or_two_threads(monkeypatch):
    vectors = blobs(spread=3)
    results = []
    for threads in (1, 2):
        monkeypatch.setattr("os.cpu_count", lambda threads=threads: threads)
        with threadpoolctl.threadpool_limits(threads):
            centres = fit(vectors, 6, 1)
            results.append((centres, assign(vectors, centres, chunk=700)))
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
    assert not np.array_equal(results[0][0], fit(vectors, 6, 2))


@pytest.mark.parametrize("count", [3, 4, 9])
def test_few_different_points_are_their_own_centres(count):
    different = np.float32([[1, 0], [0, 1], [2, 2]])
    vectors = different[[0, 0, 1, 0, 2, 1]]
    centres = fit(vectors, count, 0)
    assert np.array_equal(centres, different)
    assert assign(vectors, centres).tolist() == [0, 0, 1, 0, 2, 1]


def test_equal_distances_go_to_the_first_centre():
    assert assign(np.zeros((2, 1)), np.float32([[1], [-1]])).tolist() == [0, 0]


def test_no_vectors_and_such_as_are_not_finite():
    with pytest.raises(ValueError, match="no vectors"):
        fit(np.zeros((0, 2)), 2, 0)
    with pytest.raises(ValueError, match="NaN"):
        fit(np.array([[0, np.nan], [1, 2], [3, 4]]), 2, 0)
    with pytest.raises(ValueError, match="NaN"):
        assign(np.array([[0, np.inf]]), np.zeros((1, 2), np.float32))
    assert assign(np.zeros((0, 2)), np.zeros((1, 2), np.float32)).shape == (0,)


def test_torch_takes_the_steps_of_scikit_learn():
    """The device's path, on the processor."""
    vectors = blobs(600, spread=2)
    first, _ = kmeans_plusplus(vectors, 6, random_state=0)
    theirs = KMeans(6, init=first, n_init=1, max_iter=100, tol=0).fit(vectors)
    ours = lloyd(torch.from_numpy(vectors), torch.from_numpy(first), 100).numpy()
    np.testing.assert_allclose(ours, theirs.cluster_centers_, atol=1e-4)


def test_a_centre_without_points_stays():
    centres = lloyd(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [9.0]]), 5)
    assert centres.tolist() == [[0.5], [9.0]]


@pytest.mark.parametrize("device", ["cuda"])
def test_on_a_gpu_the_inertia_is_that_of_the_processor(device):
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    vectors = blobs(spread=3)
    centres = fit(vectors, 6, 0, device=device)
    labels = assign(vectors, centres, device=device)
    assert (
        inertia(vectors, centres, labels) <= 1.02 * KMeans(6, random_state=0).fit(vectors).inertia_
    )
