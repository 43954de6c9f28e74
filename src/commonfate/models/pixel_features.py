"""Handcrafted dense features, for where no self-supervised network is at hand."""

import cv2
import numpy as np
import torch
from torch import Tensor

COLOUR_SIGMAS = (1.0, 4.0)
"""Smoothing of the colour channels, in pixels of the given frame."""
GRADIENT_SIGMAS = (1.0, 2.0)
"""Smoothing before the gradient is taken; its energy is pooled over four times as much."""
ORIENTATIONS = 4
"""Directions of the gradient, over half a turn."""


class PixelFeatures:
    """Colour and texture of each pixel's surroundings, 14 channels.

    Lab colour at two scales of smoothing (6), and the energy of the lightness gradient along four
    orientations at two scales, as a root mean square over the neighbourhood (8). Each channel is
    brought to mean 0 and standard deviation 1 over the image, so that a cosine between two
    segments' mean features says whether they differ from the image's average in the same way.
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
    """Mean 0 and standard deviation 1 over the image; a channel that never changes becomes 0."""
    centred = channels - channels.mean((1, 2), keepdims=True, dtype=np.float64)
    deviation = centred.std((1, 2), keepdims=True)
    constant = deviation < 1e-3
    return np.where(constant, 0, centred / np.where(constant, 1, deviation)).astype(np.float32)
