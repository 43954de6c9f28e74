"""Labelled images as the tensors that the network learns from, made in the loader's processes."""

import cv2
import numpy as np
import torch
from torch import Tensor

from commonfate.base.errors import UserError
from commonfate.methods.base import required
from commonfate.methods.semantic.settings import VOID, SemanticSettings
from commonfate.models.frame import MEAN, to_image
from commonfate.samples.example import Example

TRIES = 10
"""Crops that are tested for a mixture of classes; the next one is taken untested."""
PADDING = tuple(round(255 * channel) for channel in MEAN)
"""Colour of the margin where a crop is larger than the image: about 0 after normalisation."""
LONGEST = 4
"""Largest length of the long side, in target lengths of the short side: MMSegmentation fits images
into 2048 x 512."""
BRIGHTNESS = 32
"""Largest change of a channel, of 255."""
FACTORS = (0.5, 1.5)
"""Range of the factors of contrast and of saturation."""
HUE = 18
"""Largest rotation of hue, in OpenCV's steps of two degrees."""
LEVELS = np.arange(256.0)


def prepare(settings: SemanticSettings, example: Example) -> dict[str, Tensor]:
    """Scale, crop, mirror, change the colours and pad; `example.seed` determines the result.

    Args:
        settings: of the run.
        example: with labels.

    Returns:
        `image` (3, h, w) float32 in [0, 1] and `labels` (h, w) uint8, of `crop_size`.

    Raises:
        UserError: the labels differ in size from the image, or contain an unknown class.
        ValueError: the sample has no labels.
    """
    image, labels = example.frame, required(example.labels, "labels")
    _check(settings, image, labels)
    generator = np.random.default_rng(example.seed)
    factor = generator.uniform(*settings.scale_range)
    size = resized_size((image.shape[0], image.shape[1]), settings.short_side, factor)
    image, labels = resize_image(image, size), resize_labels(labels, size)
    part = _crop(settings, labels, generator)
    image, labels = image[part], labels[part]
    if example.flip:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if settings.distort_colours:
        image = distort(np.ascontiguousarray(image), generator)
    image = _padded(image, settings.crop_size, PADDING)
    labels = _padded(labels, settings.crop_size, VOID)
    return {"image": to_image(image), "labels": torch.from_numpy(labels)}


def _check(settings: SemanticSettings, image: np.ndarray, labels: np.ndarray) -> None:
    (rows, columns), (height, width) = labels.shape, image.shape[:2]
    if (rows, columns) != (height, width):
        raise UserError(
            f"labels of {rows}x{columns} pixels for an image of {height}x{width}; "
            "both must have one size"
        )
    largest = labels[labels != VOID].max(initial=0)
    if largest >= settings.classes:
        raise UserError(
            f"labels hold class {largest}, but classes={settings.classes} knows 0 to "
            f"{settings.classes - 1}, and {VOID} for none; set classes to {largest + 1} or more"
        )


def resized_size(size: tuple[int, int], short_side: int, factor: float = 1.0) -> tuple[int, int]:
    """Size of an image whose short side becomes `factor * short_side`, with the same aspect.

    If the long side would be more than `LONGEST` times `factor * short_side`, it becomes that.

    Args:
        size: height and width of the image.
        short_side: pixels.
        factor: scale of the result.

    Returns:
        Height and width, at least 1.
    """
    ratio = factor * short_side * min(1 / min(size), LONGEST / max(size))
    height, width = (max(1, int(side * ratio + 0.5)) for side in size)
    return height, width


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize bilinearly, pixel centres at half-integers, without smoothing before a reduction.

    Args:
        image: (H, W, 3) uint8.
        size: height h and width w of the result.

    Returns:
        (h, w, 3) uint8.
    """
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Take the label of the nearest pixel, pixel centres as in `resize_image`.

    Args:
        labels: (H, W) uint8.
        size: height h and width w of the result.

    Returns:
        (h, w) uint8.
    """
    return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _crop(
    settings: SemanticSettings, labels: np.ndarray, generator: np.random.Generator
) -> tuple[slice, slice]:
    """Rows and columns of a crop, in which no class has `class_share` or more if possible."""
    size = (labels.shape[0], labels.shape[1])
    for _ in range(TRIES):
        part = _any_crop(settings.crop_size, size, generator)
        if settings.class_share == 1 or _is_mixed(labels[part], settings.class_share):
            return part
    return _any_crop(settings.crop_size, size, generator)


def _any_crop(
    crop: tuple[int, int], size: tuple[int, int], generator: np.random.Generator
) -> tuple[slice, slice]:
    """A crop at a uniformly random place; the whole of a side that is shorter than the crop's."""
    top, left = (
        int(generator.integers(max(whole - side, 0), endpoint=True))
        for whole, side in zip(size, crop, strict=True)
    )
    return slice(top, top + crop[0]), slice(left, left + crop[1])


def _is_mixed(labels: np.ndarray, share: float) -> bool:
    """True if every class has less than this share of the pixels that have a class."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)[:VOID]
    return bool(counts.max() < share * counts.sum())


def distort(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, saturation and hue at random, each of every second image.

    The photometric distortion of Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016,
    without the permutation of channels, in MMSegmentation's ranges.

    Args:
        image: (H, W, 3) uint8, RGB.
        generator: always draws the same count of numbers.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    chosen = generator.random(4) < 0.5
    drawn = np.array(
        [
            generator.uniform(-BRIGHTNESS, BRIGHTNESS),
            generator.uniform(*FACTORS),
            generator.uniform(*FACTORS),
            generator.integers(-HUE, HUE, endpoint=True),
        ]
    )
    contrast_last = generator.random() < 0.5
    neutral = np.array([0.0, 1.0, 1.0, 0.0])
    brightness, contrast, saturation, hue = np.where(chosen, drawn, neutral)
    curve = _levels(LEVELS + brightness)
    if not contrast_last:
        curve = _levels(contrast * curve)
    image = cv2.LUT(image, curve)
    if saturation != 1 or hue != 0:
        image = _recoloured(image, saturation, hue)
    return cv2.LUT(image, _levels(contrast * LEVELS)) if contrast_last else image


def _recoloured(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """The image with its saturation multiplied and its hue rotated."""
    channels = np.stack([(LEVELS + hue) % 180, saturation * LEVELS, LEVELS], axis=-1)
    changed = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), _levels(channels)[None])
    return cv2.cvtColor(changed, cv2.COLOR_HSV2RGB)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _padded(array: np.ndarray, size: tuple[int, int], value: int | tuple[int, ...]) -> np.ndarray:
    """An array of at least `size`, with `value` in rows below and columns on the right."""
    below, right = (max(0, side - has) for side, has in zip(size, array.shape, strict=False))
    array = np.ascontiguousarray(array)
    return cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_CONSTANT, value=value)
