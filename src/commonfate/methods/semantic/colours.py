"""Changing the colours of a training image: the photometric distortion of SSD.

Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, without its exchange of channels, in
the ranges of MMSegmentation: brightness, contrast, saturation and hue, each of one image in two.
"""

import cv2
import numpy as np

BRIGHTNESS = 32
"""Largest change of a channel, of 255."""
FACTORS = (0.5, 1.5)
"""Of contrast and of saturation."""
HUE = 18
"""Largest turn, in OpenCV's steps of two degrees."""
LEVELS = np.arange(256.0)


def distort(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Change the colours at random.

    Args:
        image: (H, W, 3) uint8, RGB.
        generator: what is drawn from; always the same count of numbers.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    chosen = generator.random(4) < 0.5
    drawn = [
        generator.uniform(-BRIGHTNESS, BRIGHTNESS),
        generator.uniform(*FACTORS),
        generator.uniform(*FACTORS),
        generator.integers(-HUE, HUE, endpoint=True),
    ]
    contrast_last = generator.random() < 0.5
    neutral = (0.0, 1.0, 1.0, 0)
    brightness, contrast, saturation, hue = np.where(chosen, drawn, neutral)
    curve = _levels(LEVELS + brightness)
    if not contrast_last:
        curve = _levels(contrast * curve)
    image = cv2.LUT(image, curve)
    if saturation != 1 or hue != 0:
        image = _turned(image, saturation, hue)
    return cv2.LUT(image, _levels(contrast * LEVELS)) if contrast_last else image


def _turned(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """The image with its saturation multiplied, and its hue turned."""
    channels = np.stack([(LEVELS + hue) % 180, saturation * LEVELS, LEVELS], axis=-1)
    changed = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), _levels(channels)[None])
    return cv2.cvtColor(changed, cv2.COLOR_HSV2RGB)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)
