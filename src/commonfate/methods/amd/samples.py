"""A pair of frames as the tensors that the network learns from, made in the loader's processes."""

import cv2
import numpy as np
from torch import Tensor
from torchvision.transforms import v2

from commonfate.base.errors import UserError
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.base import required
from commonfate.samples.augment import augment, channels_first
from commonfate.samples.example import Example


def prepare(settings: AmdSettings, example: Example) -> dict[str, Tensor]:
    """Resize, crop and mirror two frames alike (Section 4.1).

    Args:
        settings: of the run.
        example: with `frame` and `other`.

    Returns:
        `images` (2, 3, h, w) uint8, RGB, of the size `crop`.

    Raises:
        UserError: the two frames differ in size.
        ValueError: the sample has no second frame.
    """
    frames = [example.frame, required(example.other, "a second frame")]
    sizes = [f"{width}x{height}" for height, width, _ in (frame.shape for frame in frames)]
    if sizes[0] != sizes[1]:
        raise UserError(
            f"the two frames of a pair are {sizes[0]} and {sizes[1]}, but must have one size; "
            f"extract the video's frames again, or leave it out"
        )
    generator = np.random.default_rng(example.seed)
    frames = [resize_short_side(frame, settings.short_side, settings.crop) for frame in frames]
    frames = _cropped(frames, settings.crop, generator)
    if example.flip:
        frames = [frame[:, ::-1] for frame in frames]
    images = channels_first(frames)
    if settings.augmentation == "heavy":
        images = augment(HEAVY, images, int(generator.integers(2**63)))
    return {"images": images}


def _heavy() -> v2.Transform:
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    blur = v2.GaussianBlur(kernel_size=13, sigma=(0.1, 2.0))  # 3 sigma to each side
    return v2.Compose(
        [v2.RandomApply([jitter], 0.8), v2.RandomGrayscale(0.2), v2.RandomApply([blur], 0.5)]
    )


HEAVY = _heavy()
"""Colour jitter, grayscale and blur, the same for both frames of a pair, so that motion stays
visible. AMD, Section 4.4, names the three without numbers; the numbers are those of MoCo v2 (Chen
et al., 2020), with which the paper compares."""


def resize_short_side(
    frame: np.ndarray, side: int, at_least: tuple[int, int] = (1, 1)
) -> np.ndarray:
    """Resize so that the shorter side has a given length, keeping the aspect.

    Means over areas to reduce, bilinear to enlarge.

    Args:
        frame: (H, W, 3) uint8.
        side: length of the shorter side, in pixels.
        at_least: least height and width of the result, which is larger if need be.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = frame.shape[:2]
    scale = max(side / min(height, width), at_least[0] / height, at_least[1] / width)
    if scale == 1:
        return frame
    size = round(width * scale), round(height * scale)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _cropped(
    frames: list[np.ndarray], crop: tuple[int, int], generator: np.random.Generator
) -> list[np.ndarray]:
    """The same random part of all frames."""
    top, left = (
        int(generator.integers(whole - part + 1))
        for whole, part in zip(frames[0].shape[:2], crop, strict=True)
    )
    return [frame[top : top + crop[0], left : left + crop[1]] for frame in frames]
