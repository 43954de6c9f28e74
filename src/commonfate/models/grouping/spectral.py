"""Spectral grouping of an image, as Deep Spectral Methods do (Melas-Kyriazi et al. 2022).

The graph's nodes are patches, its weights W the cosines of their features; the eigenvectors of its
normalised Laplacian, (D - W) v = lambda D v, tell the parts of the image apart. Signs are those of
the released code, and the solver starts from the same vector each time: equal features give equal
vectors.
"""

from dataclasses import dataclass

import numpy as np

from commonfate.models.grouping.threads import single_threaded

STORED = 5
"""Eigenvectors that the released code keeps of an image, the constant one included."""
STRUCTURE = 1e-4
"""Eigenvectors with a smaller normalised affinity are rounding errors of float32."""
TOLERANCE = 1e-6
"""Relative accuracy of the eigenvalues."""


@dataclass(frozen=True)
class Spectrum:
    """Smallest solutions of (D - W) v = lambda D v of one image."""

    values: np.ndarray
    """(n,) float32, ascending; NaN where the affinities have no further structure."""
    vectors: np.ndarray
    """(n, N) float32 with v' D v = 1; rows without a solution are 0. The first is constant, > 0."""

    @property
    def gap(self) -> float:
        """Third eigenvalue minus the second; small where the Fiedler vector is hardly determined.

        NaN where either is missing.
        """
        return float(self.values[2] - self.values[1]) if len(self.values) > 2 else float("nan")

    @property
    def fiedler_mask(self) -> np.ndarray:
        """Patches where the second eigenvector is positive, (N,) bool; none if there is no second.

        They are at most half of the patches that have a sign.
        """
        if len(self.values) < 2:
            return np.zeros(self.vectors.shape[1], bool)
        return self.vectors[1] > 0


def spectrum(features: np.ndarray, count: int = STORED) -> Spectrum:
    """Smallest eigenvectors of the graph of an image's patches.

    Melas-Kyriazi et al. 2022, Section 3; without the colour term, which FlowDINO does not use.
    Where the graph falls apart, so that 0 is a multiple eigenvalue, the second vector separates
    its parts, and it is the same for the same features.

    Args:
        features: (N, C) float, finite, a row for each patch; e.g. keys of the last attention layer.
        count: number of vectors n, the constant one included.

    Returns:
        n values and vectors, of which the last are missing if the patches hardly differ.

    Raises:
        ValueError: the features are not two-dimensional, or not finite.
    """
    if features.ndim != 2:
        raise ValueError(f"features of shape {features.shape}: expected (patches, channels)")
    if not np.isfinite(features).all():
        raise ValueError("features hold NaN or infinite values")
    values = np.full(count, np.nan, np.float32)
    vectors = np.zeros((count, len(features)), np.float32)
    # Threads would change entries by about 1e-6 of the largest, and the signs of those near 0.
    with single_threaded():
        weights = affinity(features.astype(np.float32, copy=False))
        degree = weights.sum(1)
        if degree.any():
            values[0] = 0
            vectors[0] = np.where(degree > 0, 1 / np.sqrt(degree.sum()), 0)
            solved, solutions = eigenvectors(weights, count - 1)
            values[1 : len(solved) + 1] = solved
            vectors[1 : len(solved) + 1] = solutions
    return Spectrum(values, vectors)


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
