"""Ground truth that follows from which layer is seen where: instances, boxes, visibility."""

import numpy as np

from commonfate.datasets.sprites import geometry
from commonfate.datasets.sprites.scene import Scene


def seen_layers(scene: Scene) -> np.ndarray:
    """(T, H, W) uint8: number of the layer that is seen at each pixel."""
    points = geometry.pixels(scene.size)
    return np.stack([geometry.visible(scene.layers, t, points) for t in range(scene.frames)])


def instances(scene: Scene, seen: np.ndarray) -> np.ndarray:
    """Label maps (T, H, W) uint8: 0 is background, n the n-th object."""
    table = np.zeros(len(scene.layers), np.uint8)
    for instance, number in enumerate(scene.objects, start=1):
        table[number] = instance
    return table[seen]


def boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """Boxes around what is seen of each object.

    Args:
        labels: (T, H, W), see `instances`.
        count: number of objects N.

    Returns:
        (T, N, 4) float64: x0, y0, x1, y1 in pixels, where x0 and y0 are the first column and row
        and x1 and y1 are one past the last; NaN in frames where nothing is seen of the object.
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
