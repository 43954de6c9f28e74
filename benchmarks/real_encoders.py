"""Features of images for the benchmark: of an encoder, or colour and position alone."""

from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from commonfate.models.encoders.base import Encoder
from commonfate.models.encoders.create import create
from commonfate.models.frame import MEAN, STD

COLOUR = "colour"
COLOUR_PATCH = 8
AT_ONCE = 4


class Features(Protocol):
    """Two maps of features for images of one size."""

    patch: int

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, and keys for localization: (n, h, w, C) float16 of (n, H, W, 3) uint8 RGB."""


class OfEncoder:
    """Last tokens and last keys of an encoder, or its tokens again if it has no keys."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.patch = encoder, encoder.patch

    @torch.no_grad()
    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        key = "keys" if "keys" in self.encoder.offers else "tokens"
        parts = [
            self.encoder(_tensor(images[start : start + AT_ONCE]), {"tokens", key})
            for start in range(0, len(images), AT_ONCE)
        ]
        tokens, keys = (torch.cat([part[name] for part in parts]) for name in ("tokens", key))
        return _half(tokens), _half(keys)


class ColourAndPosition:
    """Mean colour of a patch, its squares and deviations, row and column with their squares.

    14 channels of about unit variance: three means, three squares, three deviations, y, x, y^2,
    x^2 and yx with y and x in [-1, 1].
    """

    patch = COLOUR_PATCH

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
        scaled = (_tensor(images) - mean) / std
        means = functional.avg_pool2d(scaled, self.patch)
        squares = functional.avg_pool2d(scaled.square(), self.patch)
        deviations = (squares - means.square()).clamp(min=0).sqrt()
        height, width = means.shape[2:]
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        places = torch.stack([y, x, y * y, x * x, y * x]).expand(len(images), -1, -1, -1)
        maps = torch.cat([means, means.square(), deviations, places], 1).permute(0, 2, 3, 1)
        return _half(maps), _half(maps)


def features_of(name: str) -> Features:
    """Features by name: `colour`, or an encoder as `models.encoders.create` takes it.

    Of a file, `FILE:PART` is a part of it, e.g. `run/checkpoint.pt:student`.
    """
    if name == COLOUR:
        return ColourAndPosition()
    file, _, part = name.partition(":")
    return OfEncoder(create(file, part=part or None))


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255


def _half(maps: torch.Tensor) -> np.ndarray:
    return maps.numpy().astype(np.float16)
