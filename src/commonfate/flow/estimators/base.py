"""Base class of flow estimators, and their common checks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.settings import FlowSource

if TYPE_CHECKING:
    from torch import Tensor

OF_NETWORKS = ("weights", "iterations", "precision", "channels_last", "compile")
"""Settings of a flow source that only networks have."""


class FlowEstimator(ABC):
    """Estimates flow from pairs of images, in two stages.

    `encode` does the work that depends on a single frame. A frame is part of several pairs (for
    each gap, as the first and as the second frame), and is encoded once for all of them.
    """

    name: str
    """Name in the configuration: `dis`, `raft`."""
    weights_sha256: str | None = None
    """Hash of the file of weights; None for classical estimators and random weights."""
    description: str
    """A line for tables: estimator, weights, settings."""
    device: str = "cpu"
    """Torch device that computes the flow."""

    @property
    def workers(self) -> int:
        """Number of threads that should call `estimate_pairs` in parallel."""
        return 1

    @property
    def batch_size(self) -> int:
        """Suitable number of pairs in a call, for any frame size."""
        return 1

    def suitable_batch(self, height: int, width: int) -> int:
        """Suitable number of pairs in a call, for this device and frame size in pixels."""
        return self.batch_size

    @abstractmethod
    def encode(self, frames: Sequence[np.ndarray]) -> list[Any]:
        """Compute the part that depends on each frame alone.

        Args:
            frames: (H, W, 3) uint8, RGB, all of one size.

        Returns:
            An item for each frame, on the device, for this estimator's `estimate_pairs`.

        Raises:
            UserError: the estimator cannot work on frames of this size.
            ValueError: frames of different sizes, or not (H, W, 3) uint8.
        """

    @abstractmethod
    def estimate_pairs(self, pairs: Sequence[tuple[Any, Any]]) -> "Tensor | np.ndarray":
        """Estimate flow from the first frame of each pair to the second.

        A pair has the same flow in any batch (to rounding).

        Args:
            pairs: at least one, of items that `encode` returned, all of one size.

        Returns:
            (B, 2, H, W) float32, u then v, pixels: a tensor on the device from networks, else an
            array.

        Raises:
            UserError: the estimator cannot work on frames of this size.
            ValueError: no pairs, or frames of different sizes.
            torch.OutOfMemoryError: the pairs do not fit into the device's memory.
        """

    def estimate(self, images: "Tensor") -> "Tensor":
        """Estimate the flow of pairs of images, by both stages.

        Args:
            images: (B, 2, 3, H, W), RGB, uint8, or float in [0, 1] (rounded to uint8).

        Returns:
            (B, 2, H, W) float32 on the CPU.

        Raises:
            UserError: the estimator cannot work on images of this size.
        """
        import torch

        if images.is_floating_point():
            images = (images * 255).round().to(torch.uint8)
        frames = images.cpu().flatten(0, 1).permute(0, 2, 3, 1).contiguous().numpy()
        encoded = self.encode(list(frames))
        flows = self.estimate_pairs(list(zip(encoded[::2], encoded[1::2], strict=True)))
        return torch.as_tensor(flows).cpu()


def check_frames(frames: Sequence[np.ndarray]) -> tuple[int, int]:
    """Check the input of `FlowEstimator.encode`; return the height and width of the frames.

    Raises:
        ValueError: there are no frames, or they are not (H, W, 3) uint8 of one size.
    """
    if not frames:
        raise ValueError("no frames")
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        sizes = sorted("x".join(map(str, shape[:2])) for shape in shapes)
        raise ValueError(f"frames of different sizes: {', '.join(sizes)}")
    shape = shapes.pop()
    types = {frame.dtype for frame in frames}
    if len(shape) != 3 or shape[2] != 3 or types != {np.dtype(np.uint8)}:
        names = ", ".join(sorted(map(str, types)))
        raise ValueError(f"frames must be (H, W, 3) uint8, found {shape} {names}")
    return shape[0], shape[1]


def refuse(source: FlowSource, settings: Sequence[str]) -> None:
    """Raise a UserError if a source sets one of the settings, which its estimator lacks."""
    for setting in settings:
        if getattr(source, setting) != FlowSource.model_fields[setting].default:
            raise UserError(f"flow estimator {source.estimator}: it has no {setting}; leave it out")
