"""Baseline without learning: pixels that move differently from the rest of the image."""

import numpy as np
import torch
from torch import nn

from commonfate.flow.dominant import LEAST_MOTION, residual
from commonfate.methods.base import Prediction, Segmenting, required
from commonfate.methods.residual_flow.settings import ResidualFlowSettings

BINS = 256
"""Bins of the histogram for Otsu's threshold."""


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
