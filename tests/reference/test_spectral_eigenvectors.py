"""Spectral clustering of features against Deep Spectral Methods' released code."""

import numpy as np

from commonfate.methods.feature_clustering.spectral import affinity, eigenvectors, spectral


def images(reference):
    data = reference("corloc.npz")
    names = ("patch_features", "affinity_matrix", "eigenvalues_laplacian")
    names += ("eigenvectors_laplacian", "patch_mask")
    for i in range(int(data["n_images"])):
        yield {name: data[f"{i}/{name}"] for name in names}


def test_affinities(reference):
    for image in images(reference):
        found = affinity(image["patch_features"])
        # Released: divided by the largest, which the eigenvectors' directions do not depend on.
        np.testing.assert_allclose(found / found.max(), image["affinity_matrix"], atol=1e-6)


def test_second_eigenvectors(reference):
    for image in images(reference):
        values, vectors = eigenvectors(image["affinity_matrix"], 1)
        expected = image["eigenvectors_laplacian"][1]
        np.testing.assert_allclose(values[0], image["eigenvalues_laplacian"][1], atol=1e-5)
        error = min(abs(vectors[0] - expected).max(), abs(vectors[0] + expected).max())
        assert error < 1e-5


def test_two_clusters_are_the_released_mask(reference):
    for image in images(reference):
        labels = spectral(image["patch_features"], 2, seed=0)
        assert np.array_equal(labels, image["patch_mask"].ravel())
