"""Shapes of layers, as signed distances to smooth contours.

A shape is defined at unit size around the origin and scaled. Distances are exact to first order,
f / |grad f|, which suffices for a soft edge one pixel wide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SOFTNESS = 1.0
"""Half the width of a soft edge, pixels."""
REACH = 1.4
"""Greatest distance of an object's points from its origin, in units of its size."""
_TINY = 1e-9


@dataclass(frozen=True)
class Shape:
    """A region of a layer's plane.

    Attributes:
        family: a key of `DISTANCES`; the family of an object is its class.
        size: scale in pixels.
        numbers: arguments of the family's function besides points.
    """

    family: str
    size: float
    numbers: tuple[float, ...]

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of points (2, ...) to the contour, pixels, negative inside."""
        return self.size * DISTANCES[self.family](points / self.size, *self.numbers)

    def coverage(self, points: np.ndarray) -> np.ndarray:
        """Opacity in [0, 1] at points (2, ...): 1/2 on the contour, with a soft edge around it."""
        depth = np.clip(0.5 - self.distance(points) / (2 * SOFTNESS), 0, 1)
        return depth * depth * (3 - 2 * depth)


def superellipse(points: np.ndarray, half_height: float, exponent: float) -> np.ndarray:
    """|x|^p + |y / h|^p = 1: an ellipse for p = 2, a rounded box for larger p."""
    x, y = np.maximum(np.abs(points), _TINY)  # the norm has no gradient at the origin
    y = y / half_height
    norm = (x**exponent + y**exponent) ** (1 / exponent)
    along_x, along_y = (x / norm) ** (exponent - 1), (y / norm) ** (exponent - 1) / half_height
    return (norm - 1) / np.hypot(along_x, along_y)


def star(points: np.ndarray, lobes: float, height: float, ripple: float) -> np.ndarray:
    """The polar contour r = 1 + height cos(n a) + ripple cos((n - 1) a)."""
    radius, angle = np.hypot(*points), np.arctan2(points[1], points[0])
    contour = 1 + height * np.cos(lobes * angle) + ripple * np.cos((lobes - 1) * angle)
    slope = -height * lobes * np.sin(lobes * angle)
    slope -= ripple * (lobes - 1) * np.sin((lobes - 1) * angle)
    return (radius - contour) / np.hypot(1, slope / contour)


def crescent(points: np.ndarray, shift: float, bite: float) -> np.ndarray:
    """A unit disc without a disc of radius `bite` that is shifted to the right; rounded tips."""
    outside = np.hypot(*points) - 1
    bitten = bite - np.hypot(points[0] - shift, points[1])
    return _smooth_maximum(outside, bitten, 0.15)


def ring(points: np.ndarray, half_height: float, width: float) -> np.ndarray:
    """An elliptic band of the given width inside the contour of an ellipse."""
    return np.abs(superellipse(points, half_height, 2.0) + width / 2) - width / 2


def bank(points: np.ndarray, angle: float, level: float, *ripples: float) -> np.ndarray:
    """All that lies beyond a wavy line: ground or a bush that enters from the image's border.

    Args:
        points: (2, ...).
        angle: direction that leads into the region, radians.
        level: distance of the line from the origin.
        ripples: height, waves a unit length and phase of each ripple, in turn.
    """
    along = -np.sin(angle) * points[0] + np.cos(angle) * points[1]
    inward = np.cos(angle) * points[0] + np.sin(angle) * points[1]
    edge, slope = level, 0.0
    for height, waves, phase in zip(ripples[::3], ripples[1::3], ripples[2::3], strict=True):
        edge = edge + height * np.sin(waves * along + phase)
        slope = slope + height * waves * np.cos(waves * along + phase)
    return (edge - inward) / np.hypot(1, slope)


def _smooth_maximum(first: np.ndarray, second: np.ndarray, radius: float) -> np.ndarray:
    """Maximum whose kink is rounded where the two differ by less than `radius`."""
    near = np.maximum(radius - np.abs(first - second), 0) / radius
    return np.maximum(first, second) + near * near * radius / 4


DISTANCES: dict[str, Callable[..., np.ndarray]] = {
    "ellipse": superellipse,
    "box": superellipse,
    "star": star,
    "crescent": crescent,
    "ring": ring,
    "bank": bank,
}
"""Signed distance at unit size of each family."""

CLASSES = ("ellipse", "box", "star", "crescent", "ring")
"""Families of objects; the position is the class number."""


def draw(family: str, area: float, rng: np.random.Generator) -> Shape:
    """Draw a shape of one of the `CLASSES`.

    Args:
        area: of its interior, square pixels.
    """
    numbers = {
        "ellipse": lambda: (rng.uniform(0.55, 0.9), 2.0),
        "box": lambda: (rng.uniform(0.55, 0.95), rng.uniform(4.0, 7.0)),
        "star": lambda: (
            float(rng.integers(3, 7)),
            rng.uniform(0.16, 0.26),
            rng.uniform(-0.06, 0.06),
        ),
        "crescent": lambda: (rng.uniform(0.6, 0.8), rng.uniform(0.6, 0.75)),
        "ring": lambda: (rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.6)),
    }[family]()
    unit = Shape(family, 1.0, tuple(float(number) for number in numbers))
    return Shape(family, float(np.sqrt(area / _area(unit))), unit.numbers)


def _area(shape: Shape) -> float:
    """Area of a shape of unit size, by counting."""
    axis = np.linspace(-1.5, 1.5, 301)
    inside = shape.distance(np.stack(np.meshgrid(axis, axis))) < 0
    return float(inside.sum() * (axis[1] - axis[0]) ** 2)
