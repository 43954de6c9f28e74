"""Settings of the segmentation of a user's own videos."""

from typing import Literal

from pydantic import Field

from commonfate.base.settings import Settings
from commonfate.foreground.settings import Camera

Quality = Literal["fast", "good"]


class SegmentSettings(Settings):
    """Segmenting what moves in videos, without labels and without training."""

    quality: Quality = "good"
    """`fast`: by motion, cut where colours change; `good`: and by its spread over patches that an
    encoder finds alike."""
    objects: Literal["one", "many"] = "one"
    """`one`: all that moves has label 1; `many`: parts that never touch have labels of their own,
    anew in each shot."""
    short_side: int = Field(240, ge=64, le=1080)
    """Side at which motion and appearance are looked at, in pixels; masks have the video's size."""
    longest: int = Field(160, ge=8)
    """Frames of a shot that are segmented together; longer shots are cut evenly."""
    camera: Camera = "any"
    """`turns`: the camera pans and turns; `moves`: past things at several distances; `any`: as
    the edges of the result say, which is seldom `moves`."""
    encoder: str = "bundled"
    """Encoder of the appearance, of quality `good`: a name or a file, as for `commonfate features`;
    the default needs no download."""
    flow: str = "dis"
    """Estimator and weights of the flow, as for `commonfate flow`: `dis`, raft.things, ..."""
