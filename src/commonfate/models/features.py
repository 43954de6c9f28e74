"""Dense features of one frame, by name, by which segments are compared."""

from functools import cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import ConfigError, did_you_mean
from commonfate.models.catalogue import MULTIPLE

COLOUR_SIGMAS = (1.0, 4.0)
"""Smoothing of the colour channels, in pixels of the given frame."""
GRADIENT_SIGMAS = (1.0, 2.0)
"""Smoothing before the gradient, in pixels; gradient energy is pooled with four times as much."""
ORIENTATIONS = 4
"""Directions of the gradient, over half a turn."""


class Extractor(Protocol):
    """Computes dense features of a frame."""

    name: str

    def __call__(self, frame: np.ndarray) -> Tensor:
        """Features of a frame, at the extractor's own resolution.

        Args:
            frame: (H, W, 3) uint8, RGB; sides are multiples of `catalogue.MULTIPLE[name]`.

        Returns:
            (C, h, w) float32, on the CPU.
        """


def create(name: str, weights: str | None = None, device: str | torch.device = "cpu") -> Extractor:
    """Make the extractor of that name; a process makes each only once.

    Args:
        name: `pixels`, or a ViT that DINO trained, e.g. `dino_vits8`.
        weights: file with the network's weights; None fetches the published ones. `pixels` has
            none.
        device: device of the network.

    Raises:
        ConfigError: the name is unknown.
        UserError: the weights are missing, cannot be fetched, or do not fit.
    """
    return _make(name, weights, str(device))


def weights_file(name: str, weights: str | None = None) -> Path | None:
    """File with the weights of an extractor; None if it has none.

    Args, raises: as `create`.
    """
    _check_name(name)
    if name == "pixels":
        return None
    from commonfate.models import dino_keys

    return dino_keys.weights_file(name, weights)


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
        return PixelFeatures()
    from commonfate.models.dino_keys import DinoKeys

    return DinoKeys(name, weights, device)


class PixelFeatures:
    """Colour and texture around each pixel, 14 channels, without a network.

    Lab colour at two scales of smoothing (6), and the energy of the lightness gradient along four
    orientations at two scales, as a root mean square over the neighbourhood (8). Each channel has
    mean 0 and standard deviation 1 over the image, so the cosine of two segments' mean features is
    positive if both differ from the image's average in the same way.
    """

    name = "pixels"

    def __call__(self, frame: np.ndarray) -> Tensor:
        """Features at the frame's resolution: (14, H, W) float32 of an (H, W, 3) uint8 RGB."""
        lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        colour = [channel for sigma in COLOUR_SIGMAS for channel in cv2.split(_smooth(lab, sigma))]
        texture = [
            channel
            for sigma in GRADIENT_SIGMAS
            for channel in _orientation_energy(lab[..., 0], sigma)
        ]
        return torch.from_numpy(_standardised(np.stack(colour + texture)))


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def _orientation_energy(lightness: np.ndarray, sigma: float) -> list[np.ndarray]:
    smooth = _smooth(lightness, sigma)
    along_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT_101)
    along_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REFLECT_101)
    angles = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
    # Squared, so that both sides of a stroke count alike.
    squares = [(along_x * np.cos(a) + along_y * np.sin(a)) ** 2 for a in angles]
    return [np.sqrt(_smooth(square, 4 * sigma)) for square in squares]


def _standardised(channels: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 over the image; a constant channel becomes 0."""
    centred = channels - channels.mean((1, 2), keepdims=True, dtype=np.float64)
    deviation = centred.std((1, 2), keepdims=True)
    constant = deviation < 1e-3
    return np.where(constant, 0, centred / np.where(constant, 1, deviation)).astype(np.float32)
