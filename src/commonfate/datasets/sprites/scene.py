"""Random scenes: layers, shapes and motions that compose well."""

from dataclasses import dataclass

import numpy as np

from commonfate.base.errors import ConfigError
from commonfate.datasets.sprites import geometry, motion, shapes, warps
from commonfate.datasets.sprites.geometry import Layer

TRIES = 50
SAMPLED_PIXELS = 1800
"""Approximate number of pixels of a frame by which a composition is judged."""
REFERENCE_SIZE = (128, 224)
"""Height and width for which lengths and speeds are given."""


@dataclass(frozen=True)
class Scene:
    """Content of a video.

    Attributes:
        size: (H, W).
        layers: back to front; the first covers everything.
        pauses: of each object in the order of `layers`, first and last frame, or None.
    """

    size: tuple[int, int]
    layers: tuple[Layer, ...]
    pauses: tuple[tuple[int, int] | None, ...]

    @property
    def frames(self) -> int:
        return len(self.layers[0].maps)

    @property
    def objects(self) -> tuple[int, ...]:
        """Numbers of the layers that are objects; the first is instance 1."""
        return tuple(n for n, layer in enumerate(self.layers) if layer.kind == "object")


def draw(
    rng: np.random.Generator,
    number: int,
    size: tuple[int, int],
    frames: int,
    objects: int | None = None,
) -> Scene:
    """Draw scenes until one is well composed.

    Args:
        number: of the video; it selects the class of the first object, so that a few videos hold
            all classes.
        size: (H, W).
        frames: T.
        objects: number of objects; None draws one to three.

    Raises:
        ConfigError: no scene is well composed, as for an extreme aspect ratio.
    """
    for _ in range(TRIES):
        scene = _draw(rng, number, size, frames, objects)
        if _is_well_composed(scene):
            return scene
    raise ConfigError(
        f"size = {list(size)}: no composition of objects fits; use an aspect ratio nearer to 16:9"
    )


def _draw(
    rng: np.random.Generator, number: int, size: tuple[int, int], frames: int, objects: int | None
) -> Scene:
    height, width = size
    unit = float(np.sqrt(height * width / (REFERENCE_SIZE[0] * REFERENCE_SIZE[1])))
    camera = motion.draw_camera(rng, unit, float(np.hypot(height, width)) / 2)
    time = np.arange(frames, dtype=np.float64)
    world = camera.maps(time, 1.0)
    classes = _draw_classes(rng, number, objects)
    tracks = [motion.draw_track(rng, unit, size, frames) for _ in classes]
    share = rng.uniform(0.14, 0.26) * rng.dirichlet(np.full(len(classes), 20.0))
    layers = [Layer("background", None, _chain(world))]
    for family, track, part in zip(classes, tracks, share, strict=True):
        shape = shapes.draw(family, part * height * width, rng)
        layers.append(Layer("object", shape, _chain(world, track.maps(frames))))
    if rng.random() < 0.5:
        place = 1 if rng.random() < 0.5 else len(layers)
        plane = camera.maps(time, rng.uniform(1.3, 1.8))
        layers.insert(place, Layer("ground", _draw_bank(rng, size, unit), _chain(plane)))
    return Scene(size, tuple(layers), tuple(track.pause for track in tracks))


def _draw_classes(rng: np.random.Generator, number: int, objects: int | None) -> list[str]:
    count = objects or rng.choice([1, 2, 3], p=[0.35, 0.5, 0.15])
    order = [number % len(shapes.CLASSES), *rng.integers(0, len(shapes.CLASSES), count - 1)]
    return [shapes.CLASSES[index] for index in order]


def _draw_bank(rng: np.random.Generator, size: tuple[int, int], unit: float) -> shapes.Shape:
    """Ground that enters from below, or a bush that enters from a side."""
    height, width = size
    angle = rng.choice([np.pi / 2, np.pi / 2, 0.0, np.pi]) + rng.uniform(-0.2, 0.2)
    half = abs(np.cos(angle)) * width / 2 + abs(np.sin(angle)) * height / 2
    ripples = [
        (rng.uniform(2, 6), rng.uniform(0.03, 0.06), rng.uniform(0, 2 * np.pi)),
        (rng.uniform(0.5, 2), rng.uniform(0.1, 0.25), rng.uniform(0, 2 * np.pi)),
    ]
    numbers = (angle, half * rng.uniform(0.45, 0.75) / unit, *ripples[0], *ripples[1])
    return shapes.Shape("bank", unit, tuple(float(number) for number in numbers))


def _chain(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
    """(T, 2, 2, 6) of one or two maps (T, 2, 6)."""
    if second is None:
        second = np.broadcast_to(warps.affine(np.eye(2), np.zeros(2)), first.shape)
    return np.stack([first, second], axis=1)


def _is_well_composed(scene: Scene) -> bool:
    """Objects cover enough of every frame and not too much, and are mostly in view."""
    step = max(1, round(np.sqrt(scene.size[0] * scene.size[1] / SAMPLED_PIXELS)))
    points = geometry.pixels(scene.size, step)
    chosen = np.unique(np.linspace(0, scene.frames - 1, 16).round().astype(int))
    seen = np.stack([geometry.visible(scene.layers, int(t), points) for t in chosen])
    shares = np.stack([(seen == number).mean((1, 2)) for number in scene.objects])
    together = shares.sum(0)
    if not (0.09 <= together.mean() <= 0.28 and together.min() > 0.05 and together.max() < 0.36):
        return False
    for number, share in zip(scene.objects, shares, strict=True):
        layer = scene.layers[number]
        full = [geometry.area(layer, int(t), step) for t in chosen]
        in_view = share * scene.size[0] * scene.size[1] / full
        if in_view.mean() < 0.7 or in_view.min() < 0.25:
            return False
    return True
