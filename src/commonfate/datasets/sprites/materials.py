"""Appearance of backgrounds and objects: crops of photographs with random colours and shading.

Objects show things (a face, an engine, a cup), backgrounds mostly stuff (bricks, grass, gravel), so
that the appearance of objects can be learnt. But backgrounds consist of several materials of any
hue under uneven light, and some hold another part of a photograph that objects show: neither colour
nor contrast alone separates objects from background.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from commonfate.datasets.sprites import textures
from commonfate.datasets.sprites.crops import PLACES, STUFF, THINGS, Crop
from commonfate.datasets.sprites.shapes import REACH, Shape
from commonfate.datasets.sprites.textures import DENSITY, Texture

HUES = (0.02, 0.06, 0.09, 0.11, 0.14, 0.28, 0.36, 0.58, 0.62)
"""Hues (in turns) that photographs without colour are tinted with: earth, skin, leaves, sky."""


def background(
    rng: np.random.Generator, low: np.ndarray, high: np.ndarray, unit: float, patches: int
) -> Texture:
    """Make a texture for the points from `low` to `high` (x and y) of a plane.

    Args:
        unit: size of the image relative to 128x224.
        patches: number of materials.
    """
    origin, shape = textures.grid(low, high)
    wavelength = 70 * unit * DENSITY
    chosen = [STUFF[index] for index in rng.choice(len(STUFF), patches, replace=False)]
    if rng.random() < 0.4:
        chosen[-1] = PLACES[rng.integers(len(PLACES))]
    result = _material(rng, chosen[0], shape, unit)
    for crop in chosen[1:]:
        field = textures.noise(rng, shape, wavelength) * (5 * unit * DENSITY)
        share = np.clip(field * 2 + rng.uniform(-0.5, 0.5) * wavelength / 10, 0, 1)[..., None]
        result = result * (1 - share) + _material(rng, crop, shape, unit) * share
    light = 1 + 0.35 * textures.noise(rng, shape, 1.3 * wavelength)
    return Texture(origin, _to_uint8(result * light[..., None]))


def _material(
    rng: np.random.Generator, crop: Crop, shape: tuple[int, int], unit: float
) -> np.ndarray:
    picture = _coloured(rng, textures.pixels(crop))
    texels = DENSITY * unit * rng.uniform(0.7, 1.2)
    centre = rng.uniform(0.2, 0.8, 2) * picture.shape[1::-1]
    angle = rng.uniform(0, 2 * np.pi)
    return textures.lay(picture, shape, texels, angle, centre).astype(np.float32)


def thing(rng: np.random.Generator, shape: Shape, crops: Sequence[Crop] = THINGS) -> Texture:
    """Make the texture of an object: a crop that about fills it, darker towards its rim.

    Args:
        rng: source of the random numbers.
        shape: of the object.
        crops: what is drawn from.
    """
    reach = np.full(2, REACH * shape.size)
    origin, texels = textures.grid(-reach, reach)
    picture = _coloured(rng, textures.pixels(crops[int(rng.integers(len(crops)))]))
    across = min(picture.shape[:2]) * rng.uniform(0.6, 0.95)
    centre = rng.uniform(0.4, 0.6, 2) * picture.shape[1::-1]
    laid = textures.lay(
        picture, texels, 2 * shape.size * DENSITY / across, rng.uniform(-0.6, 0.6), centre
    )
    return Texture(origin, _to_uint8(laid * _relief(rng, shape, origin, texels)[..., None]))


def _relief(
    rng: np.random.Generator, shape: Shape, origin: tuple[float, float], texels: tuple[int, int]
) -> np.ndarray:
    """Brightness of a cushion of the shape, lit from one side."""
    y, x = np.indices(texels) / DENSITY
    points = np.stack([x + origin[0], y + origin[1]])
    depth = np.clip(-shape.distance(points) / (0.3 * shape.size), 0, 1)
    angle = rng.uniform(0, 2 * np.pi)
    side = (np.cos(angle) * points[0] + np.sin(angle) * points[1]) / shape.size
    return 0.7 + 0.35 * depth * (2 - depth) + 0.12 * side


def _coloured(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Change the colours of a photograph at random; tint a photograph without colour."""
    if picture.ndim == 2:
        return _tinted(rng, picture)
    hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-20, 20)) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.7, 1.1), 0, 1)
    hsv[..., 2] = np.clip(hsv[..., 2], 0, 1) ** rng.uniform(0.8, 1.3)
    return _to_uint8(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _tinted(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Grey values replaced by a ramp from a dark to a light colour of about one hue."""
    low, high = np.percentile(picture, [2, 98])
    value = np.clip((picture.astype(np.float32) - low) / (high - low), 0, 1)[..., None]
    hue = HUES[rng.integers(len(HUES))] + rng.uniform(-0.02, 0.02)
    saturation = rng.uniform(0.05, 0.4)
    ends = np.array(
        [
            [360 * hue % 360, saturation * 1.2, rng.uniform(0.08, 0.3)],
            [
                360 * (hue + rng.uniform(-0.04, 0.04)) % 360,
                saturation * 0.7,
                rng.uniform(0.6, 0.95),
            ],
        ],
        np.float32,
    )
    dark, light = cv2.cvtColor(ends[None], cv2.COLOR_HSV2RGB)[0]
    return _to_uint8(255 * (dark * (1 - value) + light * value))


def _to_uint8(colours: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)
