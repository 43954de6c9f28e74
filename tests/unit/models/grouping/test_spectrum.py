"""Eigenvectors of an image's patches."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from commonfate.models.grouping.spectral import spectrum


def test_a_graph_of_two_parts_is_cut_between_them():
    """Orthogonal features: 0 is a double eigenvalue, and the second vector separates the parts."""
    features = np.repeat(np.eye(2, dtype=np.float32), [5, 3], axis=0)
    result = spectrum(features)
    assert result.values[:2] == pytest.approx([0, 0], abs=1e-6)
    assert result.fiedler_mask.tolist() == 5 * [False] + 3 * [True]
    # v is a on the five and b on the three, with v' D 1 = 25 a + 9 b = 0 and v' D v = 1.
    assert result.vectors[1, 7] == pytest.approx(5 / np.sqrt(9 * 34), abs=1e-5)
    assert result.vectors[1, 0] == pytest.approx(-3 / np.sqrt(25 * 34), abs=1e-5)
    np.testing.assert_allclose(result.vectors[0], 1 / np.sqrt(34), rtol=1e-6)


def test_patches_that_do_not_differ_have_one_vector():
    result = spectrum(np.ones((6, 3), np.float32))
    np.testing.assert_allclose(result.vectors[0], 1 / 6, rtol=1e-6)
    assert np.isnan(result.values[1:]).all()
    assert not result.vectors[1:].any()
    assert not result.fiedler_mask.any()
    assert np.isnan(result.gap)


def test_zero_features_and_one_patch():
    assert np.isnan(spectrum(np.zeros((4, 3), np.float32)).values).all()
    assert spectrum(np.ones((1, 3), np.float32)).vectors.shape == (5, 1)
    assert spectrum(np.zeros((0, 3), np.float32)).vectors.shape == (5, 0)


def test_equal_features_give_equal_vectors_for_any_number_of_threads():
    features = np.random.default_rng(0).standard_normal((150, 16)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(spectrum(features).vectors)
    assert np.array_equal(*results)


def test_lengths_do_not_count():
    rng = np.random.default_rng(1)
    features = rng.standard_normal((40, 8)).astype(np.float16)
    longer = features * rng.choice([1, 2, 4], (40, 1))
    np.testing.assert_allclose(spectrum(features).vectors, spectrum(longer).vectors, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value):
    features = np.ones((4, 3), np.float32)
    features[2, 1] = value
    with pytest.raises(ValueError, match="NaN"):
        spectrum(features)


def test_a_grid_is_refused():
    with pytest.raises(ValueError, match="shape"):
        spectrum(np.ones((4, 3, 2), np.float32))
