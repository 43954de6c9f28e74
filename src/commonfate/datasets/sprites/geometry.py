"""Geometry of layers that move over each other: visible layer, areas, correspondences.

Image points are (2, ...) float64, x then y, relative to the centre of the image; pixel (row i,
column j) of an (H, W) image is the point (j - (W - 1) / 2, i - (H - 1) / 2). See `warps` for the
maps between image, world and layer.
"""

from dataclasses import dataclass

import numpy as np

from commonfate.datasets.sprites import warps
from commonfate.datasets.sprites.shapes import REACH, Shape


@dataclass(frozen=True)
class Layer:
    """One plane of a scene.

    Attributes:
        kind: `background`, `ground` (nearer, static in the world) or `object`.
        shape: the opaque part of the plane; None is all of it.
        maps: (T, 2, 2, 6), two maps for each frame: from the image to the world, and from the world
            to the layer's own plane.
    """

    kind: str
    shape: Shape | None
    maps: np.ndarray

    @property
    def outline(self) -> Shape:
        """The shape of a layer that does not cover all of its plane, as every object."""
        assert self.shape is not None
        return self.shape

    def plane(self, t: int, points: np.ndarray) -> np.ndarray:
        """Map image points of frame t to the layer's own plane."""
        for warp in self.maps[t]:
            points = warps.apply(warp, points)
        return points

    def image(self, t: int, points: np.ndarray) -> np.ndarray:
        """Map points of the layer's plane to frame t; undoes `plane`."""
        for warp in self.maps[t][::-1]:
            points = warps.invert(warp, points)
        return points

    def coverage(self, t: int, points: np.ndarray) -> np.ndarray:
        """Opacity in [0, 1] of the layer at image points of frame t."""
        if self.shape is None:
            return np.ones(points.shape[1:])
        return self.shape.coverage(self.plane(t, points))


def pixels(size: tuple[int, int], step: int = 1) -> np.ndarray:
    """Image points (2, H, W) of the pixels of an (H, W) image, or of every `step`-th."""
    height, width = size
    x = np.arange(0, width, step) - (width - 1) / 2
    y = np.arange(0, height, step) - (height - 1) / 2
    return np.stack(np.meshgrid(x, y))


def visible(layers: tuple[Layer, ...], t: int, points: np.ndarray) -> np.ndarray:
    """Number (uint8) of the visible layer at each image point of frame t.

    It is the front-most layer that covers at least half of the point; layers go back to front.
    """
    result = np.zeros(points.shape[1:], np.uint8)
    for number, layer in enumerate(layers[1:], start=1):
        result[layer.coverage(t, points) >= 0.5] = number
    return result


def area(layer: Layer, t: int, step: int = 1) -> float:
    """Pixels of frame t that an object would cover in an infinite image if nothing hid it.

    Args:
        step: count every `step`-th pixel only, in both directions.
    """
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    around = layer.outline.size * REACH * np.stack([np.cos(angle), np.sin(angle)])
    corners = layer.image(t, around)
    # Image sizes are even, so pixels lie at half-integers: on this grid an object in full view
    # has exactly its visible pixels.
    low, high = np.floor(corners.min(1)) + 0.5, corners.max(1)
    grid = [np.arange(low[i], high[i] + 1, step) for i in (0, 1)]
    return float((layer.coverage(t, np.stack(np.meshgrid(*grid))) >= 0.5).sum() * step * step)


def trace(layer: Layer, points: np.ndarray, t: int, target: int) -> np.ndarray:
    """Follow image points of frame t with a layer to frame `target`."""
    return layer.image(target, layer.plane(t, points))
