"""Dominant motion of a frame: a robust polynomial fit to its flow, and what moves against it."""

from typing import Literal

import numpy as np

SAMPLES = 40_000
"""About how many pixels, on a regular grid, the fit uses."""
LEAST_MOTION = 1 / 64
"""Shorter residuals, in pixels, are no motion: the largest rounding error of stored flow."""
Degree = Literal[1, 2]


def residual(flow: np.ndarray, iterations: int, degree: Degree = 1) -> np.ndarray:
    """Flow minus the dominant motion.

    Iteratively reweighted least squares with Geman and McClure's weights, 1 / (1 + (r/s)^2)^2,
    where the scale s is 1.4826 times the median residual length of the previous fit. The first fit
    has equal weights.

    Args:
        flow: (2, H, W) float, pixels; NaN where unknown, which is not part of the fit.
        iterations: number of fits.
        degree: 1, affine motion; 2, with the squares and the product of the coordinates, which
            hold a camera's turn and a plane that is seen in perspective.

    Returns:
        (2, H, W) float64, pixels; NaN where unknown. Flow with fewer finite pixels on the grid than
        the fit has coefficients does not change.
    """
    height, width = flow.shape[1:]
    design = _design(height, width, degree)
    stride = max(1, int(np.sqrt(height * width / SAMPLES)))
    points = design[::stride, ::stride].reshape(-1, design.shape[-1])
    values = flow[:, ::stride, ::stride].reshape(2, -1).T.astype(np.float64)
    finite = np.isfinite(values).all(1)
    if finite.sum() < design.shape[-1]:
        return flow.astype(np.float64)
    theta = _robust_fit(points[finite], values[finite], iterations)
    return flow - (design @ theta).transpose(2, 0, 1)


def _robust_fit(points: np.ndarray, values: np.ndarray, iterations: int) -> np.ndarray:
    """(P, 2) coefficients of (N, 2) values over (N, P) points."""
    weights = np.ones(len(points))
    for _ in range(iterations):
        # The normal equations have three or six unknowns, are well conditioned in this box, and
        # take a fifth of the time; least squares also solves them for points on a line.
        weighted = (weights[:, None] * points).T
        theta = np.linalg.lstsq(weighted @ points, weighted @ values, rcond=None)[0]
        length = np.linalg.norm(values - points @ theta, axis=1)
        scale = max(1.4826 * float(np.median(length)), LEAST_MOTION)
        weights = 1 / (1 + (length / scale) ** 2) ** 2
    return theta


def _design(height: int, width: int, degree: Degree) -> np.ndarray:
    """(H, W, 3 or 6): 1, x, y, and x^2, xy, y^2, at each pixel, in a centred [-1, 1] box."""
    x = ((2 * np.arange(width) + 1) / width - 1)[None, :]
    y = ((2 * np.arange(height) + 1) / height - 1)[:, None]
    squares = [x * x, x * y, y * y] if degree == 2 else []
    return np.stack(np.broadcast_arrays(1.0, x, y, *squares), axis=-1)
