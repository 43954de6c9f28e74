"""Random crops of one image, each changed by itself (DINO, Section 3.1 and released code)."""

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from commonfate.methods.distillation.settings import DistillationSettings
from commonfate.samples.augment import augment, channels_first

BLUR = v2.GaussianBlur(kernel_size=13, sigma=(0.1, 2.0))
"""Three sigma to each side; in pixels of the crop, whatever its size (released)."""
JITTER = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)
INVERTED_FROM = 128
"""Values from which solarisation inverts."""


@functools.cache
def crop(
    side: int, scale: tuple[float, float], flip: bool, blurred: float, solarised: float = 0.0
) -> v2.Transform:
    """A random crop of random size and aspect, resized to a square, and its changes.

    Flip, colours, grey, blur and solarisation, in this order, each with its probability.

    Args:
        side: of the result, in pixels.
        scale: smallest and largest share of the image's area.
        flip: mirror it left-right, with probability 1/2.
        blurred: probability of blur.
        solarised: probability of solarisation.
    """
    return v2.Compose(
        [
            v2.RandomResizedCrop(side, scale, interpolation=InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(0.5 if flip else 0.0),
            v2.RandomApply([JITTER], 0.8),
            v2.RandomGrayscale(0.2),
            v2.RandomApply([BLUR], blurred),
            v2.RandomSolarize(INVERTED_FROM, solarised),
        ]
    )


class Placement(NamedTuple):
    """The part of an image that a crop shows.

    Attributes:
        top: first row, in pixels of the image.
        left: first column.
        height: number of rows.
        width: number of columns.
        mirrored: True if it is mirrored left-right.
    """

    top: int
    left: int
    height: int
    width: int
    mirrored: bool


class _Placed(tv_tensors.TVTensor):
    """(5,) int64, the numbers of a `Placement`: geometry changes them, colours do not."""


def _placed(*numbers: int) -> _Placed:
    return torch.tensor(numbers).as_subclass(_Placed)


@v2.functional.register_kernel(v2.functional.resized_crop, _Placed)
def _crop_of(
    _before: _Placed, top: int, left: int, height: int, width: int, **_others: Any
) -> _Placed:
    return _placed(top, left, height, width, 0)


@v2.functional.register_kernel(v2.functional.horizontal_flip, _Placed)
def _mirror_of(before: _Placed) -> _Placed:
    top, left, height, width, mirrored = before.tolist()
    return _placed(top, left, height, width, 1 - mirrored)


def crops(settings: DistillationSettings, frame: np.ndarray, seed: int) -> dict[str, Tensor]:
    """Two global crops and the local ones, see `placed_crops`."""
    return placed_crops(settings, frame, seed)[0]


def placed_crops(
    settings: DistillationSettings, frame: np.ndarray, seed: int
) -> tuple[dict[str, Tensor], list[Placement]]:
    """Two global crops and the local ones, and the places of all, a function of the seed.

    The first global crop is always blurred; the second seldom, but it may be solarised.

    Args:
        settings: sides, shares and number of crops; flips.
        frame: (H, W, 3) uint8, RGB, of any size.
        seed: of the sample.

    Returns:
        `global_crops` (2, 3, G, G) and `local_crops` (V, 3, L, L), uint8, RGB; and the places of
        the 2 + V, global ones first.
    """
    side, scale, flip = settings.global_crop, settings.global_scale, settings.flip
    local = crop(settings.local_crop, settings.local_scale, flip, blurred=0.5)
    changes = [
        crop(side, scale, flip, blurred=1.0),
        crop(side, scale, flip, blurred=0.1, solarised=0.2),
        *[local] * settings.local_crops,
    ]
    image = channels_first([frame])[0]
    seeds = np.random.default_rng(seed).integers(2**63, size=len(changes))
    pairs = [
        augment(change, (image, _placed(0, 0, 0, 0, 0)), int(own))
        for change, own in zip(changes, seeds, strict=True)
    ]
    views = [view for view, _ in pairs]
    places = [
        Placement(top, left, height, width, bool(mirrored))
        for top, left, height, width, mirrored in (place.tolist() for _, place in pairs)
    ]
    empty = torch.empty(0, 3, settings.local_crop, settings.local_crop, dtype=torch.uint8)
    return {
        "global_crops": torch.stack(views[:2]),
        "local_crops": torch.stack(views[2:]) if settings.local_crops else empty,
    }, places
