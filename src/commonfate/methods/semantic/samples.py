"""From an image and its labels to the tensors that the loss needs, in the loader's processes."""

import cv2
import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import UserError
from commonfate.methods.semantic.colours import distort
from commonfate.methods.semantic.geometry import resize_image, resize_labels, seen_size
from commonfate.methods.semantic.settings import VOID, SemanticSettings
from commonfate.models.frame import MEAN, to_image
from commonfate.samples.example import Example

TRIES = 10
"""How many crops are looked at before one is taken unseen."""
PADDING = tuple(round(255 * channel) for channel in MEAN)
"""What an image goes on with where a crop is larger: about 0 after normalisation."""


def prepare(settings: SemanticSettings, example: Example) -> dict[str, Tensor]:
    """Scale, crop, mirror, change the colours and pad, as `example.seed` has it.

    Args:
        settings: of the run.
        example: with labels.

    Returns:
        `image` (3, h, w) float32 in [0, 1] and `labels` (h, w) uint8, of `crop_size`.

    Raises:
        UserError: the labels have another size than the image, or a class that is not known.
    """
    _check(settings, example)
    generator = np.random.default_rng(example.seed)
    factor = generator.uniform(*settings.scale_range)
    size = seen_size(example.frame.shape[:2], settings.short_side, factor)
    image, labels = resize_image(example.frame, size), resize_labels(example.labels, size)
    part = _crop(settings, labels, generator)
    image, labels = image[part], labels[part]
    if example.flip:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if settings.distort_colours:
        image = distort(np.ascontiguousarray(image), generator)
    image = _padded(image, settings.crop_size, PADDING)
    labels = _padded(labels, settings.crop_size, VOID)
    return {"image": to_image(image), "labels": torch.from_numpy(labels)}


def _check(settings: SemanticSettings, example: Example) -> None:
    shape, wanted = example.labels.shape, example.frame.shape[:2]
    if shape != wanted:
        raise UserError(
            f"labels of {shape[0]}x{shape[1]} pixels for an image of {wanted[0]}x{wanted[1]}; "
            "both must have one size"
        )
    found = example.labels[example.labels != VOID].max(initial=0)
    if found >= settings.classes:
        raise UserError(
            f"labels hold class {found}, but classes={settings.classes} knows 0 to "
            f"{settings.classes - 1}, and {VOID} for none; set classes to {found + 1} or more"
        )


def _crop(
    settings: SemanticSettings, labels: np.ndarray, generator: np.random.Generator
) -> tuple[slice, slice]:
    """Rows and columns of a crop, of which no class has `class_share` or more if one is found."""
    for _ in range(TRIES):
        part = _any_crop(settings.crop_size, labels.shape, generator)
        if settings.class_share == 1 or _is_mixed(labels[part], settings.class_share):
            return part
    return _any_crop(settings.crop_size, labels.shape, generator)


def _any_crop(
    crop: tuple[int, int], size: tuple[int, int], generator: np.random.Generator
) -> tuple[slice, slice]:
    """A place drawn evenly; all of a side that is shorter than the crop's."""
    top, left = (
        int(generator.integers(max(whole - side, 0), endpoint=True))
        for whole, side in zip(size, crop, strict=True)
    )
    return slice(top, top + crop[0]), slice(left, left + crop[1])


def _is_mixed(labels: np.ndarray, share: float) -> bool:
    """Whether all classes have less than this share of the pixels that have a class."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)[:VOID]
    return bool(counts.max() < share * counts.sum())


def _padded(array: np.ndarray, size: tuple[int, int], value: int | tuple[int, ...]) -> np.ndarray:
    """An array of at least `size`: rows below and columns on the right have `value`."""
    below, right = (max(0, side - has) for side, has in zip(size, array.shape, strict=False))
    array = np.ascontiguousarray(array)
    return cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_CONSTANT, value=value)
