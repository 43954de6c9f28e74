"""Probability of the second group on disk: grey PNG, its levels 0 to 255 are steps of 1/255."""

from pathlib import Path

import numpy as np
from PIL import Image

from commonfate.base.errors import StoreError
from commonfate.datasets import image_file

AGAIN = "run commonfate predict again"


def write(path: str | Path, probability: np.ndarray) -> None:
    """Write a map, rounded to the nearest level.

    Args:
        path: file; its folder is made. Not atomic: the folder of all maps is.
        probability: (H, W) float in [0, 1].
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.rint(255 * probability.clip(0, 1)).astype(np.uint8)
    Image.fromarray(grey).save(path, format="PNG")


def read(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read a map.

    Args:
        path: file that `write` made.
        size: height and width that it should have, those of the annotation.

    Returns:
        (H, W) uint8, the probability in steps of 1/255.

    Raises:
        StoreError: the file is missing, damaged or of another size.
    """
    path = Path(path)
    image = image_file.load(path, "prediction", AGAIN)
    if image.mode != "L":
        raise StoreError(f"{path}: is an image of mode {image.mode}, not grey (L); {AGAIN}")
    grey = np.asarray(image)
    if grey.shape != tuple(size):
        found, wanted = ("x".join(map(str, one)) for one in (grey.shape, size))
        raise StoreError(
            f"{path}: is {found}, but the annotation is {wanted} (height x width); {AGAIN}"
        )
    return grey
