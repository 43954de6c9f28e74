"""Scenes of the `sprites` generator, rendered as far as they are asked for."""

from enum import IntEnum

import numpy as np

from commonfate.datasets.sprites import geometry, render
from commonfate.datasets.sprites import scene as scenes


class Stream(IntEnum):
    """Streams of random numbers that never meet.

    A `sprites` dataset draws from (seed, number), which is the same to NumPy as (seed, number, 0).
    """

    TRAINING = 1
    HELD_OUT = 2
    PAIRS = 3


def generator(seed: int, number: int, stream: Stream) -> np.random.Generator:
    """Random numbers of one scene or one pair."""
    return np.random.default_rng(np.random.SeedSequence([seed, number, stream]))


class RenderedScene:
    """One scene; frames are rendered when they are first asked for, and kept."""

    def __init__(
        self, seed: int, number: int, stream: Stream, size: tuple[int, int], frames: int
    ) -> None:
        rng = generator(seed, number, stream)
        self.scene = scenes.draw(rng, number, size, frames)
        self._textures = render.draw_textures(rng, self.scene)
        self._points = geometry.pixels(size)
        self._frames: dict[int, np.ndarray] = {}
        self._seen: dict[int, np.ndarray] = {}

    def frame(self, t: int) -> np.ndarray:
        """Frame t, (H, W, 3) uint8 RGB."""
        if t not in self._frames:
            self._frames[t] = render.frame(self.scene, self._textures, t, self._points)
        return self._frames[t]

    def seen(self, t: int) -> np.ndarray:
        """Number of the layer that is seen at each pixel of frame t, (H, W) uint8."""
        if t not in self._seen:
            self._seen[t] = geometry.visible(self.scene.layers, t, self._points)
        return self._seen[t]
