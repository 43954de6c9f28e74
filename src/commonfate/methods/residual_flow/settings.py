"""Settings of the flow baseline."""

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import PositiveInt

from commonfate.base.gaps import Gap, resolved
from commonfate.base.settings import MethodSettings


class ResidualFlowSettings(MethodSettings):
    """Flow magnitude, thresholded after the dominant affine motion is removed."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = False
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["residual_flow"] = "residual_flow"
    threshold: Literal["otsu"] = "otsu"
    """Threshold of the magnitude: Otsu's, frame by frame."""
    gap: Gap | None = None
    """Gap of the flow, or for frames without it the gap of opposite sign; none is the shortest
    available."""
    fit_iterations: PositiveInt = 10
    """Reweighted least-squares steps of the robust affine fit."""

    @property
    def reads_flow(self) -> bool:
        return True

    def resolved(self, gaps: Collection[int]) -> Self:
        return self.model_copy(update={"gap": resolved(self.gap, gaps)})
