"""Ground truth from the visible layer of each pixel: labels, boxes, visibility."""

from collections.abc import Iterable

import numpy as np

from commonfate.datasets.sprites import geometry, shapes
from commonfate.datasets.sprites.scene import Scene


def seen_layers(scene: Scene) -> np.ndarray:
    """(T, H, W) uint8: number of the visible layer at each pixel."""
    points = geometry.pixels(scene.size)
    return np.stack([geometry.visible(scene.layers, t, points) for t in range(scene.frames)])


def instances(scene: Scene, seen: np.ndarray) -> np.ndarray:
    """Label maps (T, H, W) uint8: 0 is background, n the n-th object."""
    return _labelled(scene, seen, range(1, len(scene.objects) + 1))


def classes(scene: Scene, seen: np.ndarray) -> np.ndarray:
    """Label maps (T, H, W) uint8: 0 is background, c + 1 an object of class c of `shapes`."""
    families = [scene.layers[number].outline.family for number in scene.objects]
    return _labelled(scene, seen, [1 + shapes.CLASSES.index(family) for family in families])


def _labelled(scene: Scene, seen: np.ndarray, labels: Iterable[int]) -> np.ndarray:
    """Label maps where each object has its label, in the order of `scene.objects`."""
    table = np.zeros(len(scene.layers), np.uint8)
    table[list(scene.objects)] = list(labels)
    return table[seen]


def boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """Boxes around the visible part of each object.

    Args:
        labels: (T, H, W), see `instances`.
        count: number of objects N.

    Returns:
        (T, N, 4) float64: x0, y0, x1, y1 in pixels, where x0 and y0 are the first column and row
        and x1 and y1 are one past the last; NaN in frames where the object is hidden.
    """
    result = np.full((len(labels), count, 4), np.nan)
    for t, label in enumerate(labels):
        for n in range(count):
            rows, columns = np.nonzero(label == n + 1)
            if rows.size:
                ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                result[t, n] = ends
    return result


def visibility(scene: Scene, seen: np.ndarray) -> np.ndarray:
    """(T, N) float64 in [0, 1]: share of each object's area that is seen in the frame."""
    full = [
        [geometry.area(scene.layers[number], t) for number in scene.objects]
        for t in range(scene.frames)
    ]
    visible = [[(image == number).sum() for number in scene.objects] for image in seen]
    return np.array(visible) / np.array(full)


def paused(scene: Scene) -> np.ndarray:
    """(T, N) bool: the object stands still in the world, all through its pause."""
    result = np.zeros((scene.frames, len(scene.pauses)), bool)
    for n, pause in enumerate(scene.pauses):
        if pause is not None:
            result[pause[0] : pause[1] + 1, n] = True
    return result
