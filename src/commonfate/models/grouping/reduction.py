"""Standardised principal components, on which the released protocols cluster."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from commonfate.models.grouping.threads import single_threaded

WHITE_FLOOR = 1e-12
"""Smallest variance that whitening divides by, relative to the largest."""


@dataclass(frozen=True)
class Reduction:
    """An affine map of feature vectors (N, C) to fewer components (N, D)."""

    offset: np.ndarray
    """(C,) float32, subtracted."""
    matrix: np.ndarray
    """(C, D) float32."""

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Components (N, D) float32 of vectors (N, C)."""
        with single_threaded():
            return (vectors.astype(np.float32, copy=False) - self.offset) @ self.matrix


def fit(
    vectors: np.ndarray, components: int | None, *, standardise: bool = True, whiten: bool = False
) -> Reduction:
    """Principal components of vectors, each channel first scaled to variance 1, or not.

    Of each component the largest entry, the first of equals, is positive.

    Args:
        vectors: (N, C) float, finite.
        components: D, at most the smaller of N and C is returned; None: all channels, not turned.
        standardise: divide each channel by its deviation; constant ones stay 0.
        whiten: scale components to variance 1.

    Raises:
        ValueError: there is no vector, or one is not finite.
    """
    if not len(vectors):
        raise ValueError("no vectors to reduce")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors to reduce hold NaN or infinite values")
    mean = vectors.mean(0, dtype=np.float64)
    root = (vectors - mean) / np.sqrt(len(vectors))
    return of_root(root, mean, components, standardise=standardise, whiten=whiten)


def of_root(
    root: np.ndarray,
    mean: np.ndarray,
    components: int | None,
    *,
    standardise: bool = True,
    whiten: bool = False,
) -> Reduction:
    """Principal components of vectors of which mean and covariance are known; see `fit`.

    Args:
        root: (M, C) float64 R, finite; the covariance of the vectors is the product of R's
            transpose and R. Fewer rows than channels cost less.
        mean: (C,) float64.
        components: D, at most the smaller of M and C is returned; None: all channels, not turned.
        standardise, whiten: as `fit`.
    """
    deviation = np.sqrt(np.square(root).sum(0))
    constant = deviation <= 1e-6 * np.abs(mean) + 1e-12
    scale = np.where(constant, 0, 1 / np.where(constant, 1, deviation))
    if not standardise:
        scale = np.where(constant, 0.0, 1.0)
    if components is None:
        return Reduction(mean.astype(np.float32), np.diag(scale).astype(np.float32))
    with single_threaded():
        variances, axes = _axes(root * scale, min(components, *root.shape))
    largest = np.abs(axes.round(6)).argmax(0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1, 1)
    if whiten:
        floor = WHITE_FLOOR * max(float(variances.max(initial=0)), 1e-30)
        axes = axes * np.where(variances > floor, 1 / np.sqrt(np.maximum(variances, floor)), 0)
    return Reduction(mean.astype(np.float32), (scale[:, None] * axes).astype(np.float32))


def _axes(root: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest variances (D,), descending, and their axes (C, D) of length 1.

    With fewer rows than channels by the matrix of the rows' products; axes without variance are 0
    there, as any would do.
    """
    wide = root.shape[0] < root.shape[1]
    products = root @ root.T if wide else root.T @ root
    last = len(products) - 1
    variances, vectors = linalg.eigh(products, subset_by_index=(last + 1 - components, last))
    variances, vectors = variances[::-1], vectors[:, ::-1]
    if not wide:
        return variances, vectors
    floor = WHITE_FLOOR * max(float(variances.max(initial=0)), 1e-30)
    lengths = np.sqrt(np.maximum(variances, floor))
    return variances, root.T @ vectors * np.where(variances > floor, 1 / lengths, 0)
