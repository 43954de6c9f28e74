"""Changing how a pair looks, so that networks learn motion and not the look of clean renderings."""

import cv2
import numpy as np

from commonfate.training.flow.settings import FlowTrainingSettings

ASYMMETRY = 0.25
"""Share of the change of colours that differs between the two images."""
LUMA = np.array([0.299, 0.587, 0.114])


def augment(
    rng: np.random.Generator, images: np.ndarray, settings: FlowTrainingSettings
) -> np.ndarray:
    """Change colours, blur, add noise and coding artefacts.

    Args:
        images: (2, H, W, 3) uint8, RGB.
        settings: `colour`, `blur`, `noise` and `compress`.

    Returns:
        The same shape and type.
    """
    common = _Colours.draw(rng, settings.colour)
    blur = rng.uniform(0.3, 1.0) if rng.random() < settings.blur else 0.0
    noise = rng.uniform(0, settings.noise) if rng.random() < 1 / 3 else 0.0
    quality = int(rng.integers(50, 96)) if rng.random() < settings.compress else None
    result = np.empty_like(images)
    for image, place in zip(images, result, strict=True):
        changed = common.apply(image)
        changed = _Colours.draw(rng, settings.colour * ASYMMETRY).apply(changed)
        if blur:
            changed = cv2.GaussianBlur(changed, (0, 0), blur)
        if noise:
            grain = rng.standard_normal(changed.shape, np.float32) * np.float32(noise)
            changed = np.clip(np.rint(changed + grain), 0, 255).astype(np.uint8)
        place[:] = changed if quality is None else _compressed(changed, quality)
    return result


class _Colours:
    """A gamma curve, then an affine map of colours."""

    def __init__(self, gamma: float, matrix: np.ndarray) -> None:
        levels = np.linspace(0, 1, 256)
        self._curve = np.rint(255 * levels**gamma).astype(np.uint8)
        self._matrix = matrix

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> "_Colours":
        gamma, brightness, contrast, saturation = np.exp(rng.uniform(-strength, strength, 4))
        turned = _hue(rng.uniform(-strength, strength) * np.pi / 4)
        grey = np.tile(LUMA, (3, 1))
        linear = brightness * contrast * turned @ (grey + saturation * (np.eye(3) - grey))
        offset = 128 * (1 - contrast) * brightness
        return cls(gamma, np.column_stack([linear, np.full(3, offset)]))

    def apply(self, image: np.ndarray) -> np.ndarray:
        return cv2.transform(cv2.LUT(image, self._curve), self._matrix)


def _hue(angle: float) -> np.ndarray:
    """Rotation of colours about the axis of greys (Rodrigues)."""
    cross = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG and back: blocks and coarse colours, as in coded video."""
    _, coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]
