"""From a scene to frames: sample each layer's texture backwards and blend from back to front."""

from collections.abc import Iterator, Sequence

import numpy as np

from commonfate.datasets.sprites import geometry, materials
from commonfate.datasets.sprites.geometry import Layer
from commonfate.datasets.sprites.scene import REFERENCE_SIZE, Scene
from commonfate.datasets.sprites.textures import Texture

PATCHES = {"background": 3, "ground": 1}
"""Number of materials that a layer is patched together of."""


def draw_textures(rng: np.random.Generator, scene: Scene) -> list[Texture]:
    """Make a texture for each layer, as large as the video ever shows of it."""
    unit = float(np.sqrt(np.prod(scene.size) / np.prod(REFERENCE_SIZE)))
    return [_texture(rng, layer, scene, unit) for layer in scene.layers]


def _texture(rng: np.random.Generator, layer: Layer, scene: Scene, unit: float) -> Texture:
    if layer.kind == "object":
        return materials.thing(rng, layer.shape)
    points = geometry.pixels(scene.size)
    border = np.concatenate([points[:, 0], points[:, -1], points[:, :, 0], points[:, :, -1]], 1)
    seen = np.concatenate([layer.plane(t, border) for t in range(scene.frames)], 1)
    return materials.background(rng, seen.min(1), seen.max(1), unit, PATCHES[layer.kind])


def frames(scene: Scene, textures: Sequence[Texture]) -> Iterator[np.ndarray]:
    """Yield the frames, each (H, W, 3) uint8 RGB."""
    points = geometry.pixels(scene.size)
    for t in range(scene.frames):
        yield frame(scene, textures, t, points)


def frame(scene: Scene, textures: Sequence[Texture], t: int, points: np.ndarray) -> np.ndarray:
    """Frame t, (H, W, 3) uint8 RGB, at image points (2, H, W)."""
    image = np.zeros((*points.shape[1:], 3), np.float32)
    for layer, texture in zip(scene.layers, textures, strict=True):
        opacity = layer.coverage(t, points).astype(np.float32)[..., None]
        image += opacity * (texture.sample(layer.plane(t, points)) - image)
    return np.rint(image).astype(np.uint8)
