"""Where the flow of a video comes from: estimated from its frames, or known exactly."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from commonfate.config import FlowSource
from commonfate.errors import UserError
from commonfate.flow import estimators
from commonfate.flow.estimators import FlowEstimator

log = logging.getLogger(__name__)


class Frames(Protocol):
    """What is needed of a frame store (`storage.frames.FrameReader`)."""

    def length(self, video: str) -> int: ...

    def read(self, video: str, t: int) -> np.ndarray: ...


class FlowProvider(ABC):
    """Gives the flow of a video for several gaps."""

    description: str
    """A line for tables: where the flow comes from."""
    weights_sha256: str | None = None
    """Hash of a network's weights file."""

    def inputs(self, videos: Sequence[Mapping[str, Any]]) -> list[str]:
        """Files that flow is made from, besides the frame store."""
        return []

    @abstractmethod
    def flows(
        self, video: Mapping[str, Any], frames: Frames, gaps: Sequence[int]
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield gap, t and the flow (2, H, W) float32 from frame t to t + gap, for every pair.

        Within a gap t ascends; the gaps are interleaved.

        Args:
            video: a row of the manifest.
            frames: the store that holds the video's frames.
            gaps: different from 0, shorter than the video.

        Raises:
            StoreError: what the flow is made from cannot be read.
            UserError: the estimator cannot work on this video.
        """


class Estimated(FlowProvider):
    """Estimates flow from frames; every frame is read once, whatever the gaps."""

    def __init__(self, estimator: FlowEstimator, batch_size: int | None = None) -> None:
        """`batch_size` is how many pairs are estimated at a time; the estimator's own by default.

        It is halved, once and for all, when the GPU's memory does not suffice.
        """
        self.description = estimator.description
        self.weights_sha256 = estimator.weights_sha256
        self.batch_size = batch_size or estimator.batch_size
        self._estimator = estimator

    def flows(
        self, video: Mapping[str, Any], frames: Frames, gaps: Sequence[int]
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        pairs = _image_pairs(video["id"], frames, gaps)
        while batch := list(islice(pairs, self.batch_size)):
            flows = self._estimate([images for _, _, images in batch])
            for (gap, t, _), flow in zip(batch, flows, strict=True):
                yield gap, t, flow

    def _estimate(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        import torch

        images = torch.from_numpy(np.stack([np.stack(pair) for pair in pairs]))
        try:
            return self._estimator.estimate(images.permute(0, 1, 4, 2, 3)).numpy()
        except torch.OutOfMemoryError:
            if len(pairs) == 1:
                height, width = images.shape[2:4]
                raise UserError(
                    f"{self.description}: the GPU's memory does not suffice for one pair of frames "
                    f"of {height}x{width}; use --device cpu or a smaller network"
                ) from None
        # Outside of the handler, whose traceback keeps the failed batch's tensors alive.
        torch.cuda.empty_cache()
        half = len(pairs) // 2
        self.batch_size = min(self.batch_size, half)
        log.warning("the GPU's memory does not suffice for %d pairs; now %d", len(pairs), half)
        return np.concatenate([self._estimate(pairs[:half]), self._estimate(pairs[half:])])


def _image_pairs(
    video: str, frames: Frames, gaps: Sequence[int]
) -> Iterator[tuple[int, int, tuple[np.ndarray, np.ndarray]]]:
    """Yield gap, t and frames t and t + gap, each (H, W, 3) uint8, once the later one is read."""
    span = max(map(abs, gaps))
    held: dict[int, np.ndarray] = {}
    for newest in range(frames.length(video)):
        held[newest] = frames.read(video, newest)
        held.pop(newest - span - 1, None)
        for gap in gaps:
            if newest >= abs(gap):
                t = newest - max(gap, 0)
                yield gap, t, (held[t], held[t + gap])


def runs_on_gpu(source: FlowSource) -> bool:
    """Whether the source is a network."""
    return source.estimator not in (*estimators.CLASSICAL, "truth")


def create(source: FlowSource, device: str, batch_size: int | None = None) -> FlowProvider:
    """Make the provider that a flow source names; arguments and errors as `estimators.create`."""
    if source.estimator == "truth":
        from commonfate.flow.truth import Truth

        return Truth(source)
    return Estimated(estimators.create(source, device), batch_size)
