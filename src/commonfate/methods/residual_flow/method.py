"""Baseline without learning: what moves unlike the rest of the image."""

import numpy as np
import torch
from torch import nn

from commonfate.methods.base import Method, Prediction
from commonfate.methods.residual_flow.dominant_motion import LEAST_MOTION, residual
from commonfate.methods.residual_flow.settings import ResidualFlowSettings

BINS = 256
"""Of the histogram that Otsu's threshold is searched in."""


class ResidualFlow(Method):
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
        """Segment one frame by its flow, at the flow's size; nothing else is looked at.

        Component 1 is what moves differently; components and groups are the same. Pixels without
        flow count as part of the dominant motion.
        """
        length = np.linalg.norm(residual(flow, self.settings.fit_iterations), axis=0)
        moving = exceeds_otsu(length) & (length > LEAST_MOTION)
        masks = torch.from_numpy(np.stack([~moving, moving])).float()
        return Prediction(components=masks, groups=masks)


def exceeds_otsu(magnitude: np.ndarray) -> np.ndarray:
    """Where a map is larger than its Otsu threshold.

    Args:
        magnitude: (H, W) float; NaN where unknown.

    Returns:
        (H, W) bool; False where unknown, and everywhere in a constant map.
    """
    from skimage.filters import threshold_otsu

    known = magnitude[np.isfinite(magnitude)]
    if known.size == 0:
        return np.zeros(magnitude.shape, dtype=bool)
    # scikit-image returns the centre of the last histogram bin below; its upper edge is meant.
    half_a_bin = (known.max() - known.min()) / (2 * BINS)
    return np.nan_to_num(magnitude, nan=-np.inf) > threshold_otsu(known, BINS) + half_a_bin


def create(settings: ResidualFlowSettings) -> ResidualFlow:
    """Make the method."""
    return ResidualFlow(settings)
