"""Standardised principal components, on which the released protocols cluster."""

from dataclasses import dataclass

import numpy as np

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
    values = vectors.astype(np.float64)
    mean, deviation = values.mean(0), values.std(0)
    constant = deviation <= 1e-6 * np.abs(mean) + 1e-12
    scale = np.where(constant, 0, 1 / np.where(constant, 1, deviation))
    if not standardise:
        scale = np.where(constant, 0.0, 1.0)
    matrix = np.diag(scale)
    if components is not None:
        with single_threaded():
            centred = (values - mean) * scale
            variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
            order = np.argsort(-variances, kind="stable")[: min(components, len(values))]
            turned = axes[:, order]
            largest = np.abs(turned.round(6)).argmax(0)
            turned = turned * np.where(turned[largest, np.arange(turned.shape[1])] < 0, -1, 1)
            if whiten:
                kept = variances[order]
                floor = WHITE_FLOOR * max(float(kept.max(initial=0)), 1e-30)
                turned = turned * np.where(kept > floor, 1 / np.sqrt(np.maximum(kept, floor)), 0)
            matrix = matrix @ turned
    return Reduction(mean.astype(np.float32), matrix.astype(np.float32))
