"""Motion of the camera and the objects: sums of sinusoids, smooth and bounded for any length.

Lengths are given for a video of 128x224 and multiplied by `unit`; times are in frames.
"""

from dataclasses import dataclass

import numpy as np

from commonfate.datasets.sprites import warps

RAMP = 3
"""Frames in which an object slows down before a pause, and speeds up after it."""


@dataclass(frozen=True)
class Wave:
    """amplitude * sin(2 pi time / period + phase)."""

    amplitude: float
    period: float
    phase: float

    def __call__(self, time: np.ndarray) -> np.ndarray:
        return self.amplitude * np.sin(2 * np.pi * time / self.period + self.phase)


def wave(
    rng: np.random.Generator, amplitude: float, periods: tuple[float, float], phase: float | None
) -> Wave:
    """Draw a wave; `phase` None is any phase."""
    period = rng.uniform(*periods)
    return Wave(amplitude, period, rng.uniform(0, 2 * np.pi) if phase is None else phase)


def travel(
    rng: np.random.Generator, speed: float, periods: tuple[float, float], phase: float | None = None
) -> Wave:
    """Draw a wave whose greatest speed, in pixels a frame, is given."""
    drawn = wave(rng, 1.0, periods, phase)
    return Wave(speed * drawn.period / (2 * np.pi), drawn.period, drawn.phase)


@dataclass(frozen=True)
class Camera:
    """Pan, zoom, turn and a quadratic bend, from the image to the plane of the background.

    Attributes:
        pan: x and y.
        zoom: logarithm of the scale.
        turn: radians.
        bend: six coefficients of x^2, xy, y^2 for x and then y, in pixels at `reach`.
        reach: half the image's diagonal, pixels.
    """

    pan: tuple[Wave, Wave]
    zoom: Wave
    turn: Wave
    bend: tuple[Wave, ...]
    reach: float

    def maps(self, time: np.ndarray, nearness: float) -> np.ndarray:
        """Maps (T, 2, 6) from the image to a plane.

        Args:
            time: (T,) frames.
            nearness: 1 for the background; a nearer plane moves that many times as fast.
        """
        linear = np.exp(self.zoom(time))[:, None, None] * rotation(self.turn(time))
        offset = nearness * np.stack([along(time) for along in self.pan], axis=1)
        result = warps.affine(linear, offset)
        if self.bend:
            bend = np.stack([along(time) for along in self.bend], axis=1).reshape(-1, 2, 3)
            result[:, :, 3:] = linear @ bend / self.reach**2
        return result


def draw_camera(rng: np.random.Generator, unit: float, reach: float) -> Camera:
    """Draw a camera: one in eight stands, two in three have a lens that bends."""
    moves = rng.random() > 1 / 8
    bends = moves and rng.random() < 2 / 3
    speed = unit * moves * np.array([rng.uniform(0.8, 2.8), rng.uniform(0.2, 1.2)])
    strength = rng.uniform(2.5, 5.5) * unit
    return Camera(
        pan=(travel(rng, speed[0], (40, 80)), travel(rng, speed[1], (35, 70))),
        zoom=wave(rng, moves * rng.uniform(0.0, 0.07), (40, 80), None),
        turn=wave(rng, moves * rng.uniform(0.0, 0.06), (40, 80), None),
        bend=tuple(
            wave(rng, strength * rng.uniform(-1, 1), (24, 40), None) for _ in range(6 * bends)
        ),
        reach=reach,
    )


@dataclass(frozen=True)
class Track:
    """An object's path through the plane of the background.

    Attributes:
        centre: point that the object moves about, x and y.
        way: x and y relative to it.
        turn: radians, besides the spin.
        spin: radians a frame.
        stretch: logarithms of the scales along the object's own axes.
        pause: first and last frame of standing still in the world, or None.
    """

    centre: tuple[float, float]
    way: tuple[Wave, Wave]
    turn: Wave
    spin: float
    stretch: tuple[Wave, Wave]
    pause: tuple[int, int] | None

    def maps(self, frames: int) -> np.ndarray:
        """Affine maps (T, 2, 6) from the plane of the background to that of the object."""
        time = own_time(frames, self.pause)
        place = np.stack([along(time) for along in self.way], axis=1) + self.centre
        shrink = np.exp(-np.stack([along(time) for along in self.stretch], axis=1))
        linear = shrink[:, :, None] * rotation(-self.turn(time) - self.spin * time)
        return warps.affine(linear, -np.einsum("tij,tj->ti", linear, place))


def draw_track(rng: np.random.Generator, unit: float, size: tuple[int, int], frames: int) -> Track:
    """Draw an object's path: one in five is slow, nearly all pause for a third or more."""
    height, width = size
    slow = 0.35 if rng.random() < 0.2 else 1.0
    phase = rng.uniform(0, 2 * np.pi)
    # A quarter period apart, x and y are never still together.
    quarter = phase + rng.choice([-1, 1]) * rng.uniform(0.3, 0.7) * np.pi
    periods = (24, 40)
    return Track(
        centre=(rng.uniform(-0.3, 0.3) * width, rng.uniform(-0.25, 0.25) * height),
        way=(
            travel(rng, slow * unit * rng.uniform(2.0, 6.0), periods, phase),
            travel(rng, slow * unit * rng.uniform(1.2, 3.5), periods, quarter),
        ),
        turn=wave(rng, rng.uniform(0.0, 0.35), periods, None),
        spin=rng.uniform(-0.03, 0.03) * slow,
        stretch=(
            wave(rng, rng.uniform(0.0, 0.12), periods, None),
            wave(rng, rng.uniform(0.0, 0.12), periods, None),
        ),
        pause=_draw_pause(rng, frames) if rng.random() < 0.95 else None,
    )


def _draw_pause(rng: np.random.Generator, frames: int) -> tuple[int, int] | None:
    length = round(rng.uniform(0.33, 0.48) * frames)
    first = int(rng.integers(0, frames - length + 1))
    return (first, first + length - 1) if length >= 2 else None


def own_time(frames: int, pause: tuple[int, int] | None) -> np.ndarray:
    """(T,) the object's own time: it runs at speed 1, and stands during the pause."""
    pace = np.ones(frames - 1)
    if pause is not None:
        first, last = pause
        step = np.arange(frames - 1)
        distance = np.maximum(np.maximum(first - step, step - last + 1), 0)
        pace = np.minimum(distance / (RAMP + 1), 1.0)
    return np.concatenate([[0.0], np.cumsum(pace)])


def rotation(angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 2, 2) by angles (...)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
