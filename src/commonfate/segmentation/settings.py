"""Settings of the segmentation of a user's own videos."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from commonfate.base.settings import Settings
from commonfate.foreground.settings import Camera

Quality = Literal["fast", "good", "best"]


class SegmentSettings(Settings):
    """Segmenting what moves in videos, without labels."""

    quality: Quality = "good"
    """`fast`: by motion, cut where colours change; `good`: and by its spread over patches that an
    encoder finds alike; `best`: and by a small network that learns from the result of `good`."""
    objects: Literal["one", "many"] = "one"
    """`one`: all that moves has label 1; `many`: parts that never touch have labels of their own,
    anew in each shot."""
    short_side: int = Field(360, ge=64, le=1080)
    """Side at which motion is looked at, in pixels; masks have the video's size."""
    longest: int = Field(160, ge=8)
    """Frames of a shot that are segmented together; longer shots are cut evenly."""
    camera: Camera = "any"
    """`turns`: the camera pans and turns; `moves`: past things at several distances; `any`: as
    the edges of the result say, which is seldom `moves`."""
    per_video: bool = True
    """Of quality `best`: a network learns from each video, or one from all."""
    training_steps: PositiveInt = 150
    """Of quality `best`: optimiser steps of a network."""
    seed: NonNegativeInt = 0
    """Of quality `best`: seed of a network; nothing else is drawn at random."""
    encoder: str = "bundled"
    """Encoder of the appearance, of qualities `good` and `best`: a name or a file, as for
    `commonfate features`; the default needs no download."""
    flow: str = "dis"
    """Estimator and weights of the flow, as for `commonfate flow`: `dis`, raft.things, ..."""

    @property
    def learns_from_all(self) -> bool:
        """True if the result of a video depends on all others: they share a network."""
        return self.quality == "best" and not self.per_video
