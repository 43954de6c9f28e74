"""Settings of masks that are held still."""

from typing import ClassVar, Literal

from commonfate.base.settings import MethodSettings


class FirstMaskSettings(MethodSettings):
    """The first mask in every later frame."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = False
    gives: ClassVar[tuple[str, ...]] = ("carried",)
    carries_by: ClassVar[Literal["still", "flow"] | None] = "still"
    named: ClassVar[tuple[str, ...]] = ()

    method: Literal["first_mask"] = "first_mask"
