"""Spectral clustering of features against Deep Spectral Methods' released code."""

import numpy as np
import pytest

from commonfate.methods.feature_clustering.clustering import spectral
from commonfate.models.grouping.spectral import affinity, eigenvectors


@pytest.fixture
def data(recorded):
    return recorded("corloc.npz")


def test_affinities(data):
    for image in data.numbered():
        ours = affinity(data[f"{image}/patch_features"])
        # Released: divided by the largest, which the eigenvectors' directions do not depend on.
        data.check(f"{image}/affinity_matrix", ours / ours.max())


def test_second_eigenvectors(data):
    for image in data.numbered():
        values, vectors = eigenvectors(data[f"{image}/affinity_matrix"], 1)
        key = f"{image}/eigenvalues_laplacian"
        data.check(key, values[0], data[key][1])
        key = f"{image}/eigenvectors_laplacian"
        sign = np.sign(vectors[0] @ data[key][1])
        data.check(key, sign * vectors[0], data[key][1])


def test_two_clusters_are_the_released_mask(data):
    assert len(data.numbered()) == int(data["n_images"])
    for image in data.numbered():
        labels = spectral(data[f"{image}/patch_features"], 2, seed=0)
        assert np.array_equal(labels, data[f"{image}/patch_mask"].ravel())
