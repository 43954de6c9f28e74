"""Textures made from photographs, sampled more densely than the image to avoid aliasing.

The photographs ship inside the scikit-image wheel; nothing is ever downloaded.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets.sprites.crops import Crop

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "ihc": "ihc.png",
    "moon": "moon.png",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}
"""Names of the photographs that are used, and their files in skimage/data."""

DENSITY = 2
"""Texels a pixel, in each direction."""
BLUR = 1.2
"""Standard deviation, in texels, of the low-pass against flickering of fine detail."""


def photograph_path(name: str) -> Path:
    """Path of a photograph.

    Raises:
        StoreError: scikit-image is not installed, or came without this file.
    """
    package = find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise StoreError("scikit-image is not installed; run pip install scikit-image")
    file = Path(package.submodule_search_locations[0]) / "data" / PHOTOGRAPHS[name]
    if not file.is_file():
        raise StoreError(
            f"{file}: missing from scikit-image; reinstall scikit-image from its wheel"
        )
    return file


@cache
def photograph(name: str) -> np.ndarray:
    """Read a photograph as (H, W, 3) uint8 RGB, or (H, W) uint8 if it has no colour.

    Raises:
        StoreError: the file is missing or is no image.
    """
    file = photograph_path(name)
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error}); reinstall scikit-image") from error
    pixels.flags.writeable = False
    return pixels


@dataclass(frozen=True)
class Texture:
    """Colours of a rectangle of a layer's plane.

    Attributes:
        origin: x and y of the first texel, pixels.
        texels: (h, w, 3) uint8 RGB, `DENSITY` a pixel.
    """

    origin: tuple[float, float]
    texels: np.ndarray

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Colours (n, m, 3) uint8 at points (2, n, m) of the plane, by bicubic interpolation."""
        x, y = ((points[i] - self.origin[i]) * DENSITY for i in (0, 1))
        return cv2.remap(
            self.texels,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )


def pixels(crop: Crop) -> np.ndarray:
    """Part of a photograph: (h, w, 3) uint8 RGB, or (h, w) uint8 of one without colour."""
    whole = photograph(crop.photograph)
    height, width = whole.shape[:2]
    rows = slice(round(crop.top * height), round(crop.bottom * height))
    return whole[rows, round(crop.left * width) : round(crop.right * width)]


def grid(low: np.ndarray, high: np.ndarray) -> tuple[tuple[float, float], tuple[int, int]]:
    """Origin (x, y) and shape (h, w) of the texels that hold the points from `low` to `high`."""
    margin = 4
    origin = float(np.floor(low[0]) - margin), float(np.floor(low[1]) - margin)
    width, height = (int(np.ceil(high[i] + margin - origin[i])) * DENSITY for i in (0, 1))
    return origin, (height, width)


def lay(
    picture: np.ndarray, shape: tuple[int, int], texels: float, angle: float, centre: np.ndarray
) -> np.ndarray:
    """Lay a picture out over texels, mirrored at its edges.

    Args:
        picture: (h, w, 3) uint8.
        shape: rows and columns of texels.
        texels: texels for each pixel of the picture, in each direction.
        angle: of rotation, radians.
        centre: x and y of the point of the picture that comes to the middle.

    Returns:
        (*shape, 3) uint8.
    """
    smooth = cv2.GaussianBlur(picture, (0, 0), BLUR / texels, borderType=cv2.BORDER_REFLECT_101)
    cosine, sine = np.cos(angle) / texels, np.sin(angle) / texels
    middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    to_picture = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0]])
    to_picture[:, 2] = centre - to_picture[:, :2] @ middle
    return cv2.warpAffine(
        smooth,
        to_picture,
        shape[::-1],
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def noise(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> np.ndarray:
    """Smooth random field (float32), about in [-1, 1]; `wavelength` in texels."""
    cells = [int(np.ceil(length / wavelength)) + 1 for length in shape]
    coarse = rng.uniform(-1.5, 1.5, cells).astype(np.float32)
    size = [round(count * wavelength) for count in cells]
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
