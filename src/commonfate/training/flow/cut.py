"""Cutting a training pair out of a scene: two frames, exact flow, and what stays visible."""

from dataclasses import dataclass

import cv2
import numpy as np

from commonfate.datasets.sprites import geometry
from commonfate.training.flow.scenes import RenderedScene


@dataclass(frozen=True)
class Cut:
    """Frames of a pair, and the part of them that is cut out.

    Attributes:
        t: first frame.
        gap: the second frame is t + gap.
        top: first row of the part.
        left: first column of the part.
        part: height and width of the part.
        size: height and width that it is resized to.
        mirrored: left and right are exchanged.
    """

    t: int
    gap: int
    top: int
    left: int
    part: tuple[int, int]
    size: tuple[int, int]
    mirrored: bool = False


@dataclass(frozen=True)
class Pair:
    """Two frames and the flow between them.

    Attributes:
        images: (2, H, W, 3) uint8, RGB.
        flow: (2, H, W) float32, u then v, pixels: exact for the layer that is seen at the pixel of
            the first frame that lies nearest.
        visible: (H, W) bool: what is seen there is also seen in the second image.
    """

    images: np.ndarray
    flow: np.ndarray
    visible: np.ndarray


def whole(scene: RenderedScene, t: int, gap: int) -> Pair:
    """Two whole frames, as they are."""
    size = scene.scene.size
    return cut(scene, Cut(t, gap, 0, 0, size, size))


def cut(scene: RenderedScene, where: Cut) -> Pair:
    """Cut out a pair."""
    rows = slice(where.top, where.top + where.part[0])
    columns = slice(where.left, where.left + where.part[1])
    images = [_resized(scene.frame(t)[rows, columns], where) for t in _frames(where)]
    points = _points(where, scene.scene.size)
    seen = cv2.resize(
        scene.seen(where.t)[rows, columns],
        where.size[::-1],
        interpolation=cv2.INTER_NEAREST_EXACT,
    )
    targets = _targets(scene, where, seen, points)
    flow = (targets - points) * _scale(where)
    pair = Pair(np.stack(images), flow.astype(np.float32), _visible(scene, where, seen, targets))
    return _mirrored(pair) if where.mirrored else pair


def _frames(where: Cut) -> tuple[int, int]:
    return where.t, where.t + where.gap


def _scale(where: Cut) -> np.ndarray:
    """(2, 1, 1): by how much the part is enlarged, in x and y."""
    return (np.array(where.size[::-1]) / np.array(where.part[::-1]))[:, None, None]


def _resized(image: np.ndarray, where: Cut) -> np.ndarray:
    return cv2.resize(image, where.size[::-1], interpolation=cv2.INTER_LINEAR)


def _points(where: Cut, size: tuple[int, int]) -> np.ndarray:
    """(2, h, w): where the centres of the pixels of the pair lie in the scene's frames."""
    axes = [
        first + (np.arange(count) + 0.5) * part / count - whole / 2
        for first, count, part, whole in zip(
            (where.left, where.top), where.size[::-1], where.part[::-1], size[::-1], strict=True
        )
    ]
    return np.stack(np.meshgrid(*axes))


def _targets(scene: RenderedScene, where: Cut, seen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, h, w): where these points are in the second frame."""
    result = np.empty_like(points)
    for number, layer in enumerate(scene.scene.layers):
        here = seen == number
        if here.any():
            result[:, here] = geometry.trace(layer, points[:, here], *_frames(where))
    return result


def _visible(scene: RenderedScene, where: Cut, seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(h, w) bool: inside of the part, and with no other layer before it, in the second frame."""
    low = np.array([where.left, where.top]) - np.array(scene.scene.size[::-1]) / 2
    high = low + where.part[::-1]
    half = 0.5 / _scale(where)  # the last pixel's centre lies half a pixel before the border
    inside = (targets >= low[:, None, None] + half) & (targets <= high[:, None, None] - half)
    visible = np.asarray(inside.all(0))
    for number, layer in enumerate(scene.scene.layers):
        behind = visible & (seen < number)
        visible[behind] = layer.coverage(where.t + where.gap, targets[:, behind]) < 0.5
    return visible


def _mirrored(pair: Pair) -> Pair:
    flow = pair.flow[:, :, ::-1] * np.array([-1, 1], np.float32)[:, None, None]
    return Pair(pair.images[:, :, ::-1], flow, pair.visible[:, ::-1])
