"""Dense features of one frame, by name: what segments are compared by."""

from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from commonfate.errors import ConfigError, did_you_mean

Name = Literal["dino_vits8", "pixels"]
KNOWN: tuple[Name, ...] = ("dino_vits8", "pixels")


class Extractor(Protocol):
    """Computes dense features of a frame."""

    name: str

    def __call__(self, frame: np.ndarray) -> Tensor:
        """Features of a frame, at the extractor's own resolution.

        Args:
            frame: (H, W, 3) uint8, RGB.

        Returns:
            (C, h, w) float32, on the CPU.
        """


def create(name: str, weights: str | None = None, device: str | torch.device = "cpu") -> Extractor:
    """Make an extractor; its libraries are imported only now.

    Args:
        name: `dino_vits8` or `pixels`.
        weights: file with the network's weights; None downloads them. `pixels` has none.
        device: where a network runs.

    Raises:
        ConfigError: the name is unknown.
        UserError: the weights are missing, cannot be downloaded, or do not fit.
    """
    if name == "pixels":
        from commonfate.models.pixel_features import PixelFeatures

        return PixelFeatures()
    if name == "dino_vits8":
        from commonfate.models.dino_keys import DinoKeys

        return DinoKeys(weights, device)
    raise ConfigError(
        f"features {name!r} is unknown{did_you_mean(name, KNOWN)} Known: {', '.join(KNOWN)}"
    )
