"""Photographs that ship inside the scikit-image wheel; nothing is ever downloaded."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError

FILES = {
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


def path(name: str) -> Path:
    """Where a photograph lies.

    Raises:
        StoreError: scikit-image is not installed, or came without this file.
    """
    package = find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise StoreError("scikit-image is not installed; run pip install scikit-image")
    file = Path(package.submodule_search_locations[0]) / "data" / FILES[name]
    if not file.is_file():
        raise StoreError(
            f"{file}: missing from scikit-image; reinstall scikit-image from its wheel"
        )
    return file


@cache
def load(name: str) -> np.ndarray:
    """Read a photograph as (H, W, 3) uint8 RGB, or (H, W) uint8 if it has no colour.

    Raises:
        StoreError: the file is missing or is no image.
    """
    file = path(name)
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
    except OSError as error:
        raise StoreError(f"{file}: cannot be read ({error}); reinstall scikit-image") from error
    pixels.flags.writeable = False
    return pixels
