"""Guided filter: give a coarse mask the edges of its image."""

import cv2
import numpy as np

from commonfate.base.threads import in_threads

RADIUS = 8
"""Pixels around each that share a line, at the working size."""
EPSILON = 1e-4
"""Variance of colours, of 1, below which an image is flat."""
STEEPNESS = 8.0
"""Slope of the mask at its cut before it is filtered."""


def sharpened(probability: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Masks whose edges are those of their frames, see `aligned`.

    Args:
        probability: (T, h, w) float32 of any size, cut at one half.
        frames: (T, H, W, 3) uint8.

    Returns:
        (T, H, W) float32 from 0 to 1.
    """
    places = range(len(frames))
    return np.stack(list(in_threads(lambda t: aligned(probability[t], frames[t]), places)))


def aligned(probability: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A mask whose edges are those of the image.

    The mask is a linear function of the colours in each window (He, Sun and Tang, "Guided Image
    Filtering", PAMI 2013, Eq. 14 and 15).

    Args:
        probability: (h, w) float32 of any size, cut at one half.
        frame: (H, W, 3) uint8.

    Returns:
        (H, W) float32 from 0 to 1.
    """
    height, width = frame.shape[:2]
    large = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = np.clip(STEEPNESS * (large - 0.5) + 0.5, 0, 1).astype(np.float32)
    image = frame.astype(np.float32) / 255
    mean, mean_mask = _mean(image), _mean(mask)
    joint = _mean(image * mask[..., None]) - mean * mean_mask[..., None]
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    products = np.stack([image[..., i] * image[..., j] for i, j in pairs], -1)
    variance = np.empty((height, width, 3, 3), np.float32)
    for (i, j), second in zip(pairs, np.moveaxis(_means(products), -1, 0), strict=True):
        variance[..., i, j] = variance[..., j, i] = second - mean[..., i] * mean[..., j]
    variance[..., range(3), range(3)] += EPSILON
    slope = np.linalg.solve(variance, joint[..., None])[..., 0]
    offset = mean_mask - (slope * mean).sum(-1)
    return np.clip((_mean(slope) * image).sum(-1) + _mean(offset), 0, 1)


def _mean(values: np.ndarray) -> np.ndarray:
    side = 2 * RADIUS + 1
    return cv2.blur(values, (side, side))


def _means(values: np.ndarray) -> np.ndarray:
    """`_mean` of an array of more than four channels."""
    return np.stack([_mean(values[..., c]) for c in range(values.shape[-1])], -1)
