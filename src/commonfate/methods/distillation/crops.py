"""Random crops of one image, each changed by itself (DINO, Section 3.1 and released code)."""

import functools

import numpy as np
import torch
from torch import Tensor
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


def crops(settings: DistillationSettings, frame: np.ndarray, seed: int) -> dict[str, Tensor]:
    """Two global crops and the local ones, a function of the seed.

    The first global crop is always blurred; the second seldom, but it may be solarised.

    Args:
        settings: sides, shares and number of crops; flips.
        frame: (H, W, 3) uint8, RGB, of any size.
        seed: of the sample.

    Returns:
        `global_crops` (2, 3, G, G) and `local_crops` (V, 3, L, L), uint8, RGB.
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
    views = [augment(change, image, int(own)) for change, own in zip(changes, seeds, strict=True)]
    empty = torch.empty(0, 3, settings.local_crop, settings.local_crop, dtype=torch.uint8)
    return {
        "global_crops": torch.stack(views[:2]),
        "local_crops": torch.stack(views[2:]) if settings.local_crops else empty,
    }
