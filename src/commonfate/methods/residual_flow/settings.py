"""Settings of the flow baseline."""

from typing import ClassVar, Literal

from pydantic import PositiveInt

from commonfate.settings import MethodSettings


class ResidualFlowSettings(MethodSettings):
    """Flow magnitude, thresholded after the dominant affine motion is removed."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = False
    reads_flow: ClassVar[bool] = True
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["residual_flow"] = "residual_flow"
    threshold: Literal["otsu"] = "otsu"
    """How the magnitude is split into two: Otsu's threshold, frame by frame."""
    gap: int = 1
    """Gap of the flow that is used; where a frame lacks it, the gap of opposite sign."""
    fit_iterations: PositiveInt = 10
    """Reweighted least-squares steps of the robust affine fit."""
