"""Settings of masks that flow moves."""

from typing import ClassVar, Literal

from commonfate.base.settings import MethodSettings


class FlowWarpSettings(MethodSettings):
    """Masks looked up along optical flow in the frame before, from the first frame on."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = False
    gives: ClassVar[tuple[str, ...]] = ("carried",)
    carries_by: ClassVar[Literal["still", "flow"] | None] = "flow"
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["flow_warp"] = "flow_warp"

    @property
    def reads_flow(self) -> bool:
        return True
