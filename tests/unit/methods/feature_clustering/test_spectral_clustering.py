"""Spectral clustering of feature vectors."""

import numpy as np
import pytest
import threadpoolctl
from scipy.linalg import eigh
from sklearn.cluster import KMeans

from commonfate.methods.feature_clustering import clustering
from commonfate.methods.feature_clustering.clustering import spectral
from commonfate.models.grouping.spectral import affinity, eigenvectors
from helpers.strict import no_warnings


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with no_warnings():
        yield


def two_kinds(n: int = 200, few: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Noisy vectors of two directions, and which are of the second, rarer one."""
    rng = np.random.default_rng(0)
    rare = np.arange(n) < few
    directions = rng.standard_normal((2, 32)) + 1
    return directions[rare.astype(int)] + 0.5 * rng.standard_normal((n, 32)), rare


def test_affinity_is_the_cosine_where_it_is_positive():
    result = affinity(np.float32([[2, 0], [3, 3], [-1, 0], [0, 0]]))
    root = np.sqrt(0.5)
    expected = [[1, root, 0, 0], [root, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(result, expected, atol=1e-7)
    assert result.dtype == np.float32


def test_eigenvectors_are_those_of_the_generalised_problem():
    vectors, _ = two_kinds()
    weights = affinity(vectors)
    degree = np.diag(weights.sum(1).astype(np.float64))
    expected_values, expected = eigh(degree - weights, degree, subset_by_index=(1, 3))
    values, result = eigenvectors(weights, 3)
    np.testing.assert_allclose(values, expected_values, atol=1e-5)
    assert (np.diff(values) >= 0).all()
    for mine, its in zip(result, expected.T, strict=True):
        assert min(abs(mine - its).max(), abs(mine + its).max()) < 1e-4
        assert (mine > 0).mean() <= 0.5
    np.testing.assert_allclose(result @ degree @ result.T, np.eye(3), atol=1e-4)


def test_a_triangle_by_hand():
    """Two positions of affinity 1 and a third of affinity a to both; each has 2 to itself."""
    a = 0.25
    weights = np.float32([[2, 1, a], [1, 2, a], [a, a, 2]])
    # The random walk W / D has rows (2, 1, a) / (3 + a) and (a, a, 2) / (2 + 2a), so the trace
    # 4 / (3 + a) + 2 / (2 + 2a); its eigenvalues are 1, 1 / (3 + a) of (1, -1, 0), and the second.
    second = 4 / (3 + a) + 2 / (2 + 2 * a) - 1 - 1 / (3 + a)
    values, result = eigenvectors(weights, 1)
    np.testing.assert_allclose(values, [1 - second], atol=1e-6)
    assert result[0, 2] > 0 > result[0, 0]
    assert result[0, 0] == pytest.approx(result[0, 1], abs=1e-5)


def test_negative_eigenvalues_tell_nothing():
    weights = np.float32(1) - np.eye(3, dtype=np.float32)  # W / D: 1, -1/2, -1/2
    values, result = eigenvectors(weights, 2)
    assert values.shape == (0,)
    assert result.shape == (0, 3)


@pytest.mark.parametrize("clusters", [2, 3])
def test_two_kinds_are_told_apart(clusters):
    vectors, rare = two_kinds()
    labels = spectral(vectors, clusters, seed=0)
    assert labels.dtype == np.int64
    majority = [np.bincount(labels[rare == kind]).argmax() for kind in (False, True)]
    assert majority[0] != majority[1]
    if clusters == 2:
        assert np.array_equal(labels, rare)  # label 1 is the smaller cluster


@pytest.mark.parametrize("few", [1, 70, 100])
def test_a_graph_that_falls_apart_is_cut_between_its_parts(few):
    """Opposite vectors have no affinity, so 0 is a double eigenvalue."""
    rare = np.arange(200) < few
    vectors = np.where(rare[:, None], -1, 1) * np.float32([[1, 2, 3]])
    labels = spectral(vectors, 2, seed=0)
    assert np.array_equal(labels ^ labels[-1], rare)


def test_as_many_clusters_as_kinds():
    kind = np.random.default_rng(0).integers(0, 4, 300)
    labels = spectral(np.eye(4, dtype=np.float32)[kind], 4, seed=0)
    pairs = set(zip(kind, labels, strict=True))
    assert len(pairs) == len(set(labels)) == 4


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((50, 3)),
        np.ones((50, 3)),
        np.linspace(1, 2, 50)[:, None] * [[1, 2, 3]],  # of different lengths
        np.ones((1, 3)),
    ],
    ids=["zero", "equal", "parallel", "single"],
)
@pytest.mark.parametrize("clusters", [2, 4])
def test_nothing_to_tell_apart_is_one_cluster(vectors, clusters):
    assert not spectral(vectors, clusters, seed=0).any()


@pytest.mark.parametrize("clusters", [2, 4])
def test_fewer_kinds_than_clusters(clusters):
    vectors = np.repeat(np.float32([[1, 0, 0], [1, 1, 0]]), 30, axis=0)
    labels = spectral(vectors, clusters, seed=0)
    assert np.array_equal(labels ^ labels[0], np.arange(60) >= 30)


def test_vectors_that_are_zero_join_a_cluster():
    vectors, rare = two_kinds()
    vectors[-40:] = 0
    labels = spectral(vectors, 2, seed=0)
    assert np.array_equal(labels[:-40], rare[:-40])
    assert not labels[-40:].any()


def test_equal_input_gives_equal_output():
    vectors = np.random.default_rng(0).standard_normal((400, 16)).astype(np.float32)
    for clusters in (2, 4):
        first, second = (spectral(vectors, clusters, seed=0) for _ in range(2))
        assert np.array_equal(first, second)


@pytest.mark.parametrize("clusters", [2, 3])
def test_all_is_added_up_by_one_thread(clusters: int, monkeypatch: pytest.MonkeyPatch):
    """Two threads move eigenvectors by 1e-6 of their size, and so labels whose entry is near 0."""
    vectors, _ = two_kinds()
    threads = set()

    def spied(function):
        def call(*arguments):
            threads.update(
                pool["num_threads"]
                for pool in threadpoolctl.threadpool_info()
                if pool["user_api"] == "blas"
            )
            return function(*arguments)

        return call

    monkeypatch.setattr(clustering, "affinity", spied(affinity))
    monkeypatch.setattr(clustering, "eigenvectors", spied(eigenvectors))
    monkeypatch.setattr(KMeans, "fit_predict", spied(KMeans.fit_predict))
    with threadpoolctl.threadpool_limits(2):
        result = spectral(vectors, clusters, seed=0)
    assert threads == {1}
    with threadpoolctl.threadpool_limits(1):
        np.testing.assert_array_equal(spectral(vectors, clusters, seed=0), result)
