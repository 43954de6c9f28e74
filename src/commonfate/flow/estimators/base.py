"""Base class of flow estimators, and checks that they share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.settings import FlowSource

if TYPE_CHECKING:
    from torch import Tensor

# Settings of a source that only networks have.
OF_NETWORKS = ("weights", "iterations", "precision", "channels_last", "compile")


class FlowEstimator(ABC):
    """Estimates flow from pairs of images, in two stages.

    `encode` does what depends on one frame alone; a frame takes part in several pairs (one for each
    gap, as the first and as the second), and is encoded once for all of them.
    """

    name: str
    """As in the configuration: `dis`, `raft`."""
    weights_sha256: str | None = None
    """Hash of the file that the weights were read from; None for classical and random."""
    description: str
    """A line for tables: which estimator, weights, settings."""
    device: str = "cpu"
    """Torch device that the flow is computed on."""

    @property
    def workers(self) -> int:
        """How many threads may call `encode` and `estimate_pairs` at once, to good effect."""
        return 1

    @property
    def batch_size(self) -> int:
        """How many pairs of one call suit the estimator, whatever their size."""
        return 1

    def suitable_batch(self, height: int, width: int) -> int:
        """How many pairs of one call suit the estimator, its device and this size of frames."""
        return self.batch_size

    @abstractmethod
    def encode(self, frames: Sequence[np.ndarray]) -> list[Any]:
        """Do what depends on each frame alone.

        Args:
            frames: (H, W, 3) uint8, RGB, all of one size.

        Returns:
            One item a frame, for `estimate_pairs` of this estimator; it lies on the device.

        Raises:
            UserError: the estimator cannot work on frames of this size.
            ValueError: frames of different sizes, or not (H, W, 3) uint8.
        """

    @abstractmethod
    def estimate_pairs(self, pairs: Sequence[tuple[Any, Any]]) -> "Tensor | np.ndarray":
        """Estimate where each pixel of the first frame of a pair is in the second.

        Pairs do not influence each other: a pair gives the same flow in any batch (to rounding).

        Args:
            pairs: at least one, of items that `encode` gave, all of one size.

        Returns:
            (B, 2, H, W) float32, u then v, pixels: of networks a tensor on their device, else an
            array.

        Raises:
            UserError: the estimator cannot work on frames of this size.
            ValueError: no pairs, or frames of different sizes.
            torch.OutOfMemoryError: the device's memory does not suffice for so many pairs.
        """

    def estimate(self, images: "Tensor") -> "Tensor":
        """Both stages: estimate the flow of pairs of images.

        Args:
            images: (B, 2, 3, H, W), RGB, uint8, or float in [0, 1], which is rounded to bytes.

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
    """Height and width of frames that `FlowEstimator.encode` is given.

    Raises:
        ValueError: there are none, they are not (H, W, 3) uint8, or not of one size.
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
        found = ", ".join(sorted(map(str, types)))
        raise ValueError(f"frames must be (H, W, 3) uint8, found {shape} {found}")
    return shape[0], shape[1]


def refuse(source: FlowSource, settings: Sequence[str]) -> None:
    """Raise a UserError if a source sets what its estimator does not have."""
    for setting in settings:
        if getattr(source, setting) != FlowSource.model_fields[setting].default:
            raise UserError(f"flow estimator {source.estimator}: it has no {setting}; leave it out")
