"""Settings of the flow baseline."""

from typing import Literal

from pydantic import PositiveInt

from commonfate.settings import Settings


class ResidualFlowSettings(Settings):
    """Flow magnitude, thresholded after the dominant affine motion is removed."""

    method: Literal["residual_flow"] = "residual_flow"
    threshold: Literal["otsu"] = "otsu"
    """How the magnitude is split into two: Otsu's threshold, frame by frame."""
    gap: int = 1
    """Gap of the flow that is used; where a frame lacks it, the gap of opposite sign."""
    fit_iterations: PositiveInt = 10
    """Reweighted least-squares steps of the robust affine fit."""
