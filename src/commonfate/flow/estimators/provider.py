"""Where the flow of a video comes from: estimated from its frames, or known exactly."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from commonfate.flow.estimators.base import FlowEstimator


class Frames(Protocol):
    """What is needed of a frame store (`storage.frames.FrameReader`)."""

    def length(self, video: str) -> int: ...

    def size(self, video: str) -> tuple[int, int]: ...

    def read(self, video: str, t: int) -> np.ndarray: ...

    def state(self, video: str) -> str: ...


class FlowProvider:
    """An estimator, what it looks at, and how it is to be used.

    Attributes:
        estimator: in two stages, as `estimators.FlowEstimator` has them.
        description: a line for tables: where the flow comes from.
        weights_sha256: hash of a network's weights file.
        batch_size: pairs at a time; None leaves it to the estimator.
        consistency: give no value where forward and backward flow disagree.
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
        """What the estimator's `encode` takes of frame t.

        Args:
            video: a row of the manifest.
            frames: the store that holds the video's frames.
            t: counted from 0.

        Raises:
            StoreError: it cannot be read.
            UserError: the provider cannot work on this video.
        """
        return frames.read(video["id"], t)
