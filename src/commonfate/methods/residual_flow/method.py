"""Baseline without learning: pixels that move differently from the rest of the image."""

import numpy as np
import torch
from torch import nn

from commonfate.methods.base import Prediction, Segmenting, required
from commonfate.methods.residual_flow.settings import ResidualFlowSettings

BINS = 256
"""Bins of the histogram for Otsu's threshold."""
SAMPLES = 40_000
"""About how many pixels, on a regular grid, the affine fit uses."""
LEAST_MOTION = 1 / 64
"""Shorter residuals, in pixels, are no motion: the largest rounding error of stored flow."""


class ResidualFlow(Segmenting):
    """Length of the flow after the dominant affine motion is removed, split by Otsu's threshold."""

    settings: ResidualFlowSettings

    @property
    def description(self) -> dict[str, str]:
        return {"features": "flow", "resolution": "flow's"}

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame by its flow alone, at the flow's size.

        Component 1 moves differently from the dominant motion; components and groups are the same.
        Pixels without flow are in component 0.
        """
        length = np.linalg.norm(
            residual(required(flow, "flow"), self.settings.fit_iterations), axis=0
        )
        moving = exceeds_otsu(length) & (length > LEAST_MOTION)
        masks = torch.from_numpy(np.stack([~moving, moving])).float()
        return Prediction(components=masks, groups=masks)


def residual(flow: np.ndarray, iterations: int) -> np.ndarray:
    """Flow minus the dominant affine motion.

    Iteratively reweighted least squares with Geman and McClure's weights, 1 / (1 + (r/s)^2)^2,
    where the scale s is 1.4826 times the median residual length of the previous fit. The first fit
    has equal weights.

    Args:
        flow: (2, H, W) float, pixels; NaN where unknown, which is not part of the fit.
        iterations: number of fits.

    Returns:
        (2, H, W) float64, pixels; NaN where unknown. Flow with fewer than three finite pixels on
        the grid does not change.
    """
    height, width = flow.shape[1:]
    design = _design(height, width)
    stride = max(1, int(np.sqrt(height * width / SAMPLES)))
    points = design[::stride, ::stride].reshape(-1, 3)
    values = flow[:, ::stride, ::stride].reshape(2, -1).T.astype(np.float64)
    finite = np.isfinite(values).all(1)
    if finite.sum() < 3:
        return flow.astype(np.float64)
    theta = _robust_fit(points[finite], values[finite], iterations)
    return flow - (design @ theta).transpose(2, 0, 1)


def _robust_fit(points: np.ndarray, values: np.ndarray, iterations: int) -> np.ndarray:
    """(3, 2) coefficients of (N, 2) values over (N, 3) points."""
    weights = np.ones(len(points))
    for _ in range(iterations):
        # The normal equations have three unknowns, are well conditioned in this box, and take a
        # fifth of the time; least squares also solves them for points on a line.
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


def exceeds_otsu(magnitude: np.ndarray) -> np.ndarray:
    """Pixels at which a map is larger than its Otsu threshold.

    Args:
        magnitude: (H, W) float; NaN where unknown.

    Returns:
        (H, W) bool; False where unknown, and everywhere in a constant map.
    """
    from skimage.filters import threshold_otsu

    finite = magnitude[np.isfinite(magnitude)]
    if finite.size == 0:
        return np.zeros(magnitude.shape, dtype=bool)
    # scikit-image returns the centre of the last histogram bin below; its upper edge is the limit.
    half_a_bin = (finite.max() - finite.min()) / (2 * BINS)
    return np.nan_to_num(magnitude, nan=-np.inf) > threshold_otsu(finite, BINS) + half_a_bin


def create(settings: ResidualFlowSettings) -> ResidualFlow:
    """Make the method."""
    return ResidualFlow(settings)
