"""Quadratic maps of the plane, between the points of a layer and of the image.

A map is an array (2, 6) of float64; row i gives coordinate i of the result as coefficients of
1, x, y, x^2, xy, y^2. Points are arrays (2, ...), x then y.
"""

import numpy as np

NEWTON_STEPS = 8
"""Quadratic convergence from the affine inverse: six steps already end at rounding errors."""


def affine(matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The map p -> matrix p + offset.

    Args:
        matrix: (..., 2, 2).
        offset: (..., 2).

    Returns:
        (..., 2, 6) float64.
    """
    quadratic = np.zeros((*matrix.shape[:-1], 3))
    return np.concatenate([np.asarray(offset)[..., None], matrix, quadratic], axis=-1)


def apply(warp: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Image of points (2, ...) under a map (2, 6)."""
    x, y = points
    a = warp.reshape(2, 6, *(1,) * x.ndim)
    linear = a[:, 0] + a[:, 1] * x + a[:, 2] * y
    if is_affine(warp):
        return linear
    return linear + (a[:, 3] * x + a[:, 4] * y) * x + a[:, 5] * y * y


def is_affine(warp: np.ndarray) -> bool:
    """True if a map has no quadratic term."""
    return not warp[:, 3:].any()


def invert(warp: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Points that a map sends to `values`.

    Closed form if the map is affine, else Newton's method with the analytic Jacobian, started from
    the inverse of the affine part.

    Args:
        warp: (2, 6), invertible where it is used.
        values: (2, ...) float64.

    Returns:
        (2, ...) float64.
    """
    inverse = np.linalg.inv(warp[:, 1:3])
    start = warp[:, 0].reshape(2, *(1,) * (values.ndim - 1))
    points = np.einsum("ij,j...->i...", inverse, values - start)
    if not is_affine(warp):
        for _ in range(NEWTON_STEPS):
            points = points - _solve(warp, points, apply(warp, points) - values)
    return points


def _solve(warp: np.ndarray, points: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Solve Jacobian(points) step = residual by Cramer's rule."""
    x, y = points
    a = warp.reshape(2, 6, *(1,) * x.ndim)
    by_x = a[:, 1] + 2 * a[:, 3] * x + a[:, 4] * y
    by_y = a[:, 2] + a[:, 4] * x + 2 * a[:, 5] * y
    determinant = by_x[0] * by_y[1] - by_y[0] * by_x[1]
    step_x = by_y[1] * residual[0] - by_y[0] * residual[1]
    step_y = by_x[0] * residual[1] - by_x[1] * residual[0]
    return np.stack([step_x, step_y]) / determinant
