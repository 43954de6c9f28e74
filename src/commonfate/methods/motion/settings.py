"""Settings of the baseline of motion through time."""

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from commonfate.base.gaps import Gap, resolved
from commonfate.base.settings import MethodSettings


class MotionSettings(MethodSettings):
    """Motion against the dominant one, gathered along the flow; as `segment --quality fast`."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = True
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["motion"] = "motion"
    gap: Gap | None = None
    """Gap of the flow, which is read in both directions; none is the shortest available."""

    def resolved(self, gaps: Collection[int]) -> Self:
        return self.model_copy(update={"gap": resolved(self.gap, gaps)})

    @property
    def by_video(self) -> bool:
        return True

    @property
    def reads_flow(self) -> bool:
        return True

    @property
    def foreground(self) -> str:
        return "object"
