"""Dense features of one frame, by name: what segments are compared by."""

from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.models.feature_names import MULTIPLE


class Extractor(Protocol):
    """Computes dense features of a frame."""

    name: str

    def __call__(self, frame: np.ndarray) -> Tensor:
        """Features of a frame, at the extractor's own resolution.

        Args:
            frame: (H, W, 3) uint8, RGB; sides are multiples of `feature_names.MULTIPLE[name]`.

        Returns:
            (C, h, w) float32, on the CPU.
        """


def create(name: str, weights: str | None = None, device: str | torch.device = "cpu") -> Extractor:
    """The extractor of that name; a process makes each once, as it is asked for with every frame.

    Args:
        name: `pixels`, or a ViT that DINO trained, e.g. `dino_vits8`.
        weights: file with the network's weights; None fetches the published ones. `pixels` has
            none.
        device: where a network runs.

    Raises:
        ConfigError: the name is unknown.
        UserError: the weights are missing, cannot be fetched, or do not fit.
    """
    return _make(name, weights, str(device))


def file(name: str, weights: str | None = None) -> Path | None:
    """File that the weights of an extractor are in; None of one that has none.

    Args, raises: as `create`.
    """
    _check_name(name)
    if name == "pixels":
        return None
    from commonfate.models.dino_keys import weights_file

    return weights_file(name, weights)


def _check_name(name: str) -> None:
    if name not in MULTIPLE:
        raise ConfigError(
            f"features {name!r} is unknown{did_you_mean(name, MULTIPLE)} "
            f"Known: {', '.join(MULTIPLE)}"
        )


@cache
def _make(name: str, weights: str | None, device: str) -> Extractor:
    _check_name(name)
    if name == "pixels":
        from commonfate.models.pixel_features import PixelFeatures

        return PixelFeatures()
    from commonfate.models.dino_keys import DinoKeys

    return DinoKeys(name, weights, device)
