"""Exact ground truth of a rendered video: flow for any gap, visibility, boxes, classes.

The file holds the maps of all layers, and flow is computed on demand: a pixel of frame t is a point
of the layer that is seen there, and its flow leads to this point in frame t + gap, even if it is
hidden there.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from commonfate.base.errors import StoreError
from commonfate.datasets.sprites import annotate, geometry, shapes
from commonfate.datasets.sprites.geometry import Layer
from commonfate.datasets.sprites.scene import Scene
from commonfate.datasets.sprites.shapes import Shape

_DAMAGE = (OSError, EOFError, KeyError, ValueError, NotImplementedError, BadZipFile, ZlibError)
"""Errors of reading a damaged .npz."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of a video of T frames with N objects.

    Attributes:
        layers: back to front, with their shapes and maps.
        seen: (T, H, W) uint8, the number of the layer that is seen at each pixel.
        boxes: (T, N, 4) float64, x0, y0, x1, y1 of what is seen; see `annotate.boxes`.
        classes: (N,) int64, positions in `class_names`.
        class_names: all classes of the dataset.
        visibility: (T, N) float64, share of each object's area that is seen.
        paused: (T, N) bool, the object stands still in the world.
    """

    layers: tuple[Layer, ...]
    seen: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    visibility: np.ndarray
    paused: np.ndarray


def save(path: str | Path, scene: Scene, seen: np.ndarray, labels: np.ndarray) -> None:
    """Write the truth of a video; equal scenes give equal bytes.

    Args:
        path: an .npz file.
        scene: what was rendered.
        seen: (T, H, W), see `annotate.seen_layers`.
        labels: (T, H, W), see `annotate.instances`.
    """
    families = [scene.layers[number].outline.family for number in scene.objects]
    layers = [
        {"kind": layer.kind, "shape": layer.shape and vars(layer.shape)} for layer in scene.layers
    ]
    with Path(path).open("wb") as file:
        np.savez_compressed(
            file,
            scene=np.array(json.dumps(layers)),
            maps=np.stack([layer.maps for layer in scene.layers]),
            seen=seen,
            boxes=annotate.boxes(labels, len(families)),
            classes=np.array([shapes.CLASSES.index(family) for family in families]),
            class_names=np.array(shapes.CLASSES),
            visibility=annotate.visibility(scene, seen),
            paused=annotate.paused(scene),
        )


def load(path: str | Path) -> Truth:
    """Read the truth of a video; the last few are kept in memory.

    Raises:
        StoreError: the file is missing or damaged.
    """
    try:
        return _load(str(path), Path(path).stat().st_mtime_ns)
    except _DAMAGE as error:
        raise StoreError(
            f"{path}: cannot be read as ground truth ({error}); render the videos again with "
            f"commonfate sprites"
        ) from error


@lru_cache(maxsize=4)
def _load(path: str, changed: int) -> Truth:
    with np.load(path) as arrays:
        scene = json.loads(str(arrays["scene"]))
        described = zip(scene, arrays["maps"], strict=True)
        layers = [_layer(description, maps) for description, maps in described]
        return Truth(
            layers=tuple(layers),
            class_names=tuple(str(name) for name in arrays["class_names"]),
            **{key: arrays[key] for key in ("seen", "boxes", "classes", "visibility", "paused")},
        )


def _layer(described: dict[str, Any], maps: np.ndarray) -> Layer:
    shape = described["shape"]
    if shape is not None:
        shape = Shape(shape["family"], shape["size"], tuple(shape["numbers"]))
    return Layer(described["kind"], shape, maps)


def flow(path: str | Path, t: int, gap: int) -> np.ndarray:
    """Flow from frame t to frame t + gap, of the layer that is seen at each pixel of frame t.

    Args:
        path: the truth file of a video.
        t: frame.
        gap: may be negative; frame t + gap must exist.

    Returns:
        (2, H, W) float32, u then v, pixels.

    Raises:
        StoreError: the file is missing or damaged.
        ValueError: there is no frame t or t + gap.
    """
    truth = load(path)
    points = geometry.pixels(truth.seen.shape[1:])
    return (_targets(truth, t, gap, points) - points).astype(np.float32)


def visible_at_target(path: str | Path, t: int, gap: int) -> np.ndarray:
    """Visibility in frame t + gap of the points that are seen in frame t.

    Args and errors as `flow`.

    Returns:
        (H, W) bool: False where the point is hidden in frame t + gap, or lies outside of the
        rectangle of its pixel centres.
    """
    truth = load(path)
    size = truth.seen.shape[1:]
    targets = _targets(truth, t, gap, geometry.pixels(size))
    limit = (np.array(size[::-1]) - 1)[:, None, None] / 2
    # Rounding errors of the map and its inverse do not push a point off the border.
    visible = (np.abs(targets) <= limit + 1e-6).all(0)
    for number, layer in enumerate(truth.layers):
        behind = truth.seen[t] < number
        visible[behind] &= layer.coverage(t + gap, targets[:, behind]) < 0.5
    return visible


def _targets(truth: Truth, t: int, gap: int, points: np.ndarray) -> np.ndarray:
    """Image points (2, H, W) of frame t + gap."""
    frames = len(truth.seen)
    if not (0 <= t < frames and 0 <= t + gap < frames):
        raise ValueError(f"no flow from frame {t} to {t + gap}: the video has {frames} frames")
    result = np.empty_like(points)
    for number, layer in enumerate(truth.layers):
        here = truth.seen[t] == number
        result[:, here] = geometry.trace(layer, points[:, here], t, t + gap)
    return result
