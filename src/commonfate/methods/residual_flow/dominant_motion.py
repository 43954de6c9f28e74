"""The motion that most of a flow field follows: a robust affine fit."""

import numpy as np

SAMPLES = 40_000
"""About how many pixels, on a regular grid, the fit looks at."""
LEAST_MOTION = 1 / 64
"""In pixels: the largest rounding error of stored flow. Shorter residuals are no motion."""


def residual(flow: np.ndarray, iterations: int) -> np.ndarray:
    """Flow less the dominant affine motion.

    Iteratively reweighted least squares with Geman and McClure's weights, 1 / (1 + (r/s)^2)^2,
    where the scale s is 1.4826 times the median residual length of the last fit. The first fit has
    equal weights.

    Args:
        flow: (2, H, W) float, pixels; NaN where unknown: not part of the fit.
        iterations: number of fits.

    Returns:
        (2, H, W) float64, pixels; NaN where unknown. Unchanged where fewer than three pixels of
        the grid are known.
    """
    height, width = flow.shape[1:]
    design = _design(height, width)
    stride = max(1, int(np.sqrt(height * width / SAMPLES)))
    points = design[::stride, ::stride].reshape(-1, 3)
    values = flow[:, ::stride, ::stride].reshape(2, -1).T.astype(np.float64)
    known = np.isfinite(values).all(1)
    if known.sum() < 3:
        return flow.astype(np.float64)
    theta = _robust_fit(points[known], values[known], iterations)
    return flow - (design @ theta).transpose(2, 0, 1)


def _robust_fit(points: np.ndarray, values: np.ndarray, iterations: int) -> np.ndarray:
    """(3, 2) coefficients of (N, 2) values over (N, 3) points."""
    weights = np.ones(len(points))
    for _ in range(iterations):
        # The normal equations are of three unknowns, well conditioned in this box, and a fifth of
        # the work; least squares of them copes with points on a line.
        weighted = (weights[:, None] * points).T
        theta = np.linalg.lstsq(weighted @ points, weighted @ values, rcond=None)[0]
        length = np.linalg.norm(values - points @ theta, axis=1)
        scale = max(1.4826 * float(np.median(length)), LEAST_MOTION)
        weights = 1 / (1 + (length / scale) ** 2) ** 2
    return theta


def _design(height: int, width: int) -> np.ndarray:
    """(H, W, 3): 1, x, y at each pixel, in a centred [-1, 1] box."""
    x = (2 * np.arange(width) + 1) / width - 1
    y = (2 * np.arange(height) + 1) / height - 1
    return np.stack(np.broadcast_arrays(1.0, x[None, :], y[:, None]), axis=-1)
