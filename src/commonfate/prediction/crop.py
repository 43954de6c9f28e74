"""The part of an image that is segmented and scored: all of it, or its central square.

Guess What Moves' released notebooks crop the images of CUB so. Frame, flow and annotation are
cropped by the same rule.
"""

from typing import Literal, overload

import numpy as np

Crop = Literal["none", "square"]


@overload
def central_square(image: np.ndarray, axes: tuple[int, int] = (0, 1)) -> np.ndarray: ...
@overload
def central_square(image: tuple[int, int], axes: tuple[int, int] = (0, 1)) -> tuple[int, int]: ...
def central_square(
    image: np.ndarray | tuple[int, int], axes: tuple[int, int] = (0, 1)
) -> np.ndarray | tuple[int, int]:
    """Crop to the largest square in the middle, placed as torchvision's CenterCrop does.

    Args:
        image: array, or only the height and width of one.
        axes: which axes of the array are height and width.

    Returns:
        A view of the array, or the height and width of what is left.
    """
    if isinstance(image, tuple):
        return (min(image), min(image))
    side = min(image.shape[axis] for axis in axes)
    where = [slice(None)] * image.ndim
    for axis in axes:
        start = round((image.shape[axis] - side) / 2)
        where[axis] = slice(start, start + side)
    return image[tuple(where)]
