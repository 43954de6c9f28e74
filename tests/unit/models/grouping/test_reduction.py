"""Principal components."""

import time

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from commonfate.models.grouping.reduction import fit


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    return (mixed + 5).astype(np.float32)


@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_those_of_scikit_learn(vectors, whiten):
    ours = fit(vectors, 3, whiten=whiten)(vectors)
    theirs = PCA(3, whiten=whiten).fit_transform(StandardScaler().fit_transform(vectors))
    # Theirs divides by N - 1 when whitening.
    factor = np.sqrt(len(vectors) / (len(vectors) - 1)) if whiten else 1
    signs = np.sign((ours * theirs).sum(0))
    np.testing.assert_allclose(ours, theirs * signs * factor, atol=1e-4)


def test_signs_are_fixed(vectors):
    matrix = fit(vectors, 3, standardise=False).matrix
    assert (matrix[np.abs(matrix).argmax(0), range(3)] > 0).all()


def test_by_hand():
    points = np.array([[3, 1, 7], [-3, 1, 7], [3, -1, 7], [-3, -1, 7]])
    assert fit(points, 2, standardise=False)(points).tolist() == points[:, :2].tolist()
    white = fit(points, 2, standardise=False, whiten=True)(points)
    np.testing.assert_allclose(white, np.sign(points[:, :2]), atol=1e-6)
    scaled = fit(points, None)(points)
    np.testing.assert_allclose(scaled, np.sign(points) * [1, 1, 0], atol=1e-6)


def test_fewer_points_than_components_and_constant_ones():
    assert fit(np.eye(3), 50)(np.eye(3)).shape == (3, 3)
    assert fit(np.eye(3)[:2], 50)(np.eye(3)).shape == (3, 2)
    same = np.full((5, 4), 0.1, np.float32)
    assert not fit(same, 2, whiten=True)(same).any()
    assert not fit(same[:1], 2)(same).any()


def test_no_vectors_and_such_as_are_not_finite():
    with pytest.raises(ValueError, match="no vectors"):
        fit(np.zeros((0, 3)), 2)
    with pytest.raises(ValueError, match="NaN"):
        fit(np.full((2, 3), np.nan), 2)


@pytest.mark.parametrize("whiten", [False, True])
def test_more_channels_than_vectors(whiten):
    """From products of vectors, not of channels: 20 of 3,000 take no second."""
    rng = np.random.default_rng(0)
    wide = (rng.standard_normal((20, 3000)) + 2).astype(np.float32)
    start = time.process_time()
    ours = fit(wide, 7, whiten=whiten)(wide)
    assert time.process_time() - start < 1  # 10 s from products of channels
    theirs = PCA(7, whiten=whiten, svd_solver="full").fit_transform(
        StandardScaler().fit_transform(wide.astype(float))
    )
    factor = np.sqrt(20 / 19) if whiten else 1
    signs = np.sign((ours * theirs).sum(0))
    np.testing.assert_allclose(ours, theirs * signs * factor, rtol=1e-4, atol=1e-4)
    # 20 vectors vary in 19 directions: the twentieth component is none.
    assert not fit(wide, 20).matrix[:, 19].any()
