"""A film in which a textured square moves over a textured background that the camera pans over."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from commonfate.flow.drawing import animation

SIZE = (96, 128)
SIDE = 28


def film(
    frames: int = 12, speed: float = 3.0, pan: float = 1.0, size: tuple[int, int] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Frames and the square's masks.

    Args:
        frames: T.
        speed: of the square against the background, pixels a frame to the right.
        pan: of the background, pixels a frame to the left.
        size: height and width.

    Returns:
        (T, H, W, 3) uint8 RGB; (T, H, W) bool.
    """
    height, width = size
    wall = texture((height, width + int(abs(pan) * frames) + 1), (90, 140, 80), seed=0)
    square = texture((SIDE, SIDE), (190, 70, 60), seed=1)
    shown = np.empty((frames, height, width, 3), np.uint8)
    masks = np.zeros((frames, height, width), bool)
    top = (height - SIDE) // 2
    for t in range(frames):
        shift = round(pan * t)
        shown[t] = wall[:, shift : shift + width]
        left = width // 6 + round((speed - pan) * t)
        shown[t, top : top + SIDE, left : left + SIDE] = square[:, : max(0, width - left)]
        masks[t, top : top + SIDE, left : left + SIDE] = True
    return shown, masks


def texture(size: tuple[int, int], colour: Iterable[int], seed: int) -> np.ndarray:
    """(H, W, 3) uint8: blots around a colour, which flow can follow."""
    import cv2

    noise = np.random.default_rng(seed).normal(0, 1, (*size, 1)).astype(np.float32)
    blots = cv2.GaussianBlur(noise, (0, 0), 1.5)[..., None]
    return np.clip(np.float32(list(colour)) + 35 * blots / blots.std(), 0, 255).astype(np.uint8)


def write(path: Path, frames: np.ndarray, fps: float = 12) -> Path:
    """Write frames (T, H, W, 3) as MP4."""
    animation.write(path, list(frames), fps, "mp4")
    return path


def overlap(masks: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the frames of intersection by union of (T, H, W) bool."""
    union = (masks | truth).sum((1, 2))
    return float(((masks & truth).sum((1, 2)) / np.maximum(union, 1)).mean())
