"""A clip as the tensor that the network learns from, made in the loader's processes."""

import functools

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from commonfate.methods.timet.settings import TimetSettings
from commonfate.samples.augment import augment, channels_first
from commonfate.samples.example import ClipExample, Example

JITTER = v2.ColorJitter(brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
BLUR = v2.GaussianBlur(kernel_size=13, sigma=(0.1, 2.0))
COLOURS = v2.Compose(
    [v2.RandomApply([JITTER], 0.8), v2.RandomGrayscale(0.2), v2.RandomApply([BLUR], 0.5)]
)
"""Jitter, grey and blur, which the paper names without numbers; those of the released code. The
blur's sigma, in pixels of the crop, is SimCLR's."""


def prepare(settings: TimetSettings, example: Example) -> dict[str, Tensor]:
    """Crop and mirror all frames of a clip alike, and change their colours.

    Args:
        settings: side and share of the crop; colours of a clip or of each frame.
        example: its `clip`, of any size; a function of its seed.

    Returns:
        `clips` (T, 3, S, S) uint8, RGB.

    Raises:
        ValueError: the sample is of another kind.
    """
    if not isinstance(example, ClipExample):
        raise ValueError("expected a clip, found a sample of another kind")
    seeds = np.random.default_rng(example.seed).integers(2**63, size=2 + len(example.clip))
    images = channels_first(list(example.clip))
    if example.flip:
        images = images.flip(-1)
    images = augment(_crop(settings.crop, settings.crop_scale), images, int(seeds[0]))
    if settings.colour == "clip":
        images = augment(COLOURS, images, int(seeds[1]))
    else:
        images = torch.stack(
            [augment(COLOURS, *pair) for pair in zip(images, seeds[2:].tolist(), strict=True)]
        )
    return {"clips": images}


@functools.cache
def _crop(side: int, scale: tuple[float, float]) -> v2.Transform:
    return v2.RandomResizedCrop(side, scale)
