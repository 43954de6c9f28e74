"""Settings of the flow baseline."""

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from pydantic import Field, PositiveInt, field_validator

from commonfate.base.gaps import resolved
from commonfate.base.settings import MethodSettings


class ResidualFlowSettings(MethodSettings):
    """Flow magnitude, thresholded after the dominant affine motion is removed."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = False
    reads_flow: ClassVar[bool] = True
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["residual_flow"] = "residual_flow"
    threshold: Literal["otsu"] = "otsu"
    """Threshold of the magnitude: Otsu's, frame by frame."""
    gap: int | None = Field(None, ge=-64, le=64)
    """Gap of the flow, or for frames without it the gap of opposite sign; none is the shortest
    available."""
    fit_iterations: PositiveInt = 10
    """Reweighted least-squares steps of the robust affine fit."""

    @field_validator("gap")
    @classmethod
    def _leads_to_another_frame(cls, gap: int | None) -> int | None:
        if gap == 0:
            raise ValueError("must not be 0, which is the frame itself")
        return gap

    def resolved(self, gaps: Collection[int]) -> Self:
        return self.model_copy(update={"gap": resolved(self.gap, gaps)})
