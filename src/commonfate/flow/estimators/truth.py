"""Flow that is known exactly: the embedded dataset was rendered from it."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from commonfate.base.errors import UserError
from commonfate.datasets.sprites import truth
from commonfate.flow.estimators.base import OF_NETWORKS, FlowEstimator, refuse
from commonfate.flow.estimators.provider import FlowProvider, Frames
from commonfate.flow.settings import FlowSource

Moment = tuple[str, int]
"""File with the truth of a video, and a frame of it: what stands for the frame's picture."""


class Truth(FlowProvider):
    """Reads the truth that lies beside each rendered video; no frame is looked at."""

    def __init__(self, source: FlowSource) -> None:
        refuse(source, OF_NETWORKS)
        super().__init__(_Known(), consistency=source.consistency)

    def inputs(self, videos: Sequence[Mapping[str, Any]]) -> list[str]:
        return [video["truth"] for video in videos if video["truth"]]

    def read(self, video: Mapping[str, Any], frames: Frames, t: int) -> Moment:
        if not video["truth"]:
            raise UserError(
                "its flow is not known exactly, only that of the embedded data is; "
                "use an estimator such as dis"
            )
        return video["truth"], t


class _Known(FlowEstimator):
    name = "truth"
    description = "exact flow of the rendered scene"

    @property
    def workers(self) -> int:
        return cv2.getNumThreads()

    def encode(self, frames: Sequence[Moment]) -> list[Moment]:
        return list(frames)

    def estimate_pairs(self, pairs: Sequence[tuple[Moment, Moment]]) -> np.ndarray:
        return np.stack([truth.flow(path, t, to - t) for (path, t), (_, to) in pairs])
