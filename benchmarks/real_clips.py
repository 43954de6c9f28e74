"""Clips of the kind that people have, made of DAVIS frames, for the benchmark of `segment`."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from real_data import Images
from scipy.ndimage import gaussian_filter1d

from commonfate.flow.drawing import animation

FPS = 24


@dataclass(frozen=True)
class Clip:
    """A clip and what moves in it.

    Attributes:
        name: of the clip.
        frames: (H, W, 3) uint8, RGB.
        truth: (H, W) uint8, 0 is background.
    """

    name: str
    frames: list[np.ndarray]
    truth: list[np.ndarray]

    def write(self, folder: str) -> str:
        """Write it as a compressed film; returns the file."""
        path = f"{folder}/{self.name}.mp4"
        animation.write(path, self.frames, FPS, "mp4")
        return path


def made(sequences: dict[str, Images]) -> Iterator[Clip]:
    """The three clips; `sequences` of DAVIS by name."""
    yield hand_held(sequences["dog"])
    yield static(sequences["scooter-black"].frames[0], sequences["dog"])
    yield long(sequences["libby"], 300)


def hand_held(images: Images, still: int = 20, seed: int = 0) -> Clip:
    """A phone's clip: it starts with a still picture, the hand shakes, colours are noisy."""
    rng = np.random.default_rng(seed)
    height, width = images.frames[0].shape[:2]
    order = [0] * still + list(range(len(images.frames)))
    shake = gaussian_filter1d(rng.normal(0, 30, (len(order), 2)), 3, axis=0)
    shake = np.clip(shake * (np.arange(len(order)) >= still)[:, None], -30, 30).round().astype(int)
    frames, truth = [], []
    for t, (down, across) in zip(order, shake, strict=True):
        place = np.s_[30 + down : height - 30 + down, 40 + across : width - 40 + across]
        frames.append(_noisy(images.frames[t][place], rng, 4))
        truth.append(images.truth[t][place])
    return Clip("hand_held", frames, truth)


def static(background: np.ndarray, images: Images, seed: int = 0) -> Clip:
    """A camera on a tripod: the thing of a sequence crosses a picture that does not move."""
    rng = np.random.default_rng(seed)
    frames = []
    for frame, mask in zip(images.frames, images.truth, strict=True):
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)[..., None]
        frames.append(_noisy(soft * frame + (1 - soft) * background, rng, 3))
    return Clip("static_camera", frames, images.truth)


def long(images: Images, count: int) -> Clip:
    """A sequence forwards and backwards until it has so many frames."""
    there = list(range(len(images.frames)))
    there_and_back = there + there[-2:0:-1]
    order = [there_and_back[t % len(there_and_back)] for t in range(count)]
    return Clip("long", [images.frames[t] for t in order], [images.truth[t] for t in order])


def enlarged(images: Images, size: tuple[int, int]) -> Clip:
    """A sequence at another size (height, width)."""
    frames = [cv2.resize(f, size[::-1], interpolation=cv2.INTER_CUBIC) for f in images.frames]
    masks = [cv2.resize(m, size[::-1], interpolation=cv2.INTER_NEAREST) for m in images.truth]
    return Clip(f"{size[0]}p", frames, masks)


def _noisy(frame: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    noise = rng.normal(0, strength, frame.shape)
    return np.clip(np.round(frame + noise), 0, 255).astype(np.uint8)
