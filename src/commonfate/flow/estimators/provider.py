"""Flow providers: flow of a video, estimated from its frames or known exactly."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.estimators.base import OF_NETWORKS, FlowEstimator, refuse
from commonfate.flow.settings import FlowSource

Moment = tuple[str, int]
"""File with the truth of a video, and a frame number; stands for the picture of that frame."""


class Frames(Protocol):
    """The part of a frame store (`storage.frames.FrameReader`) that extraction uses."""

    def length(self, video: str) -> int: ...

    def size(self, video: str) -> tuple[int, int]: ...

    def read(self, video: str, t: int) -> np.ndarray: ...

    def state(self, video: str) -> str: ...


class FlowProvider:
    """An estimator, its input, and its options.

    Attributes:
        estimator: in two stages, see `FlowEstimator`.
        description: a line for tables: where the flow comes from.
        weights_sha256: hash of a network's weights file.
        batch_size: pairs at a time; None leaves it to the estimator.
        consistency: set pixels to NaN where forward and backward flow disagree.
    """

    def __init__(
        self, estimator: FlowEstimator, batch_size: int | None = None, consistency: bool = False
    ) -> None:
        self.estimator = estimator
        self.description = estimator.description
        self.weights_sha256 = estimator.weights_sha256
        self.batch_size = batch_size
        self.consistency = consistency

    def inputs(self, videos: Sequence[Mapping[str, Any]]) -> list[str]:
        """Files that flow is made from, besides the frame store."""
        return []

    def read(self, video: Mapping[str, Any], frames: Frames, t: int) -> Any:
        """Input of the estimator's `encode` for frame t.

        Args:
            video: a row of the manifest.
            frames: the store that holds the video's frames.
            t: counted from 0.

        Raises:
            StoreError: the frame cannot be read.
            UserError: the provider cannot work on this video.
        """
        return frames.read(video["id"], t)


class Truth(FlowProvider):
    """Exact flow of the embedded data, from the truth beside each rendered video."""

    def __init__(self, source: FlowSource) -> None:
        """Raise a UserError if the source sets anything that only networks have."""
        refuse(source, OF_NETWORKS)
        super().__init__(_ExactFlow(), consistency=source.consistency)

    def inputs(self, videos: Sequence[Mapping[str, Any]]) -> list[str]:
        return [video["truth"] for video in videos if video["truth"]]

    def read(self, video: Mapping[str, Any], frames: Frames, t: int) -> Moment:
        if not video["truth"]:
            raise UserError(
                "its flow is not known exactly, only that of the embedded data is; "
                "use an estimator such as dis"
            )
        return video["truth"], t


class _ExactFlow(FlowEstimator):
    name = "truth"
    description = "exact flow of the rendered scene"

    @property
    def workers(self) -> int:
        return cv2.getNumThreads()

    def encode(self, frames: Sequence[Moment]) -> list[Moment]:
        return list(frames)

    def estimate_pairs(self, pairs: Sequence[tuple[Moment, Moment]]) -> np.ndarray:
        from commonfate.datasets.sprites import truth  # imports all datasets

        return np.stack([truth.flow(path, t, to - t) for (path, t), (_, to) in pairs])
