"""A small network that learns the foreground of shots from what is certain in them.

The teacher is the foreground that motion and appearance agree on. The network sees single frames,
so what moves only sometimes, or looks alike everywhere, it cannot learn; and it can be applied to
other videos, and to photographs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.base.arithmetic import has_bfloat16
from commonfate.foreground.settings import Steps
from commonfate.models.frame import MEAN, STD

SHORT_SIDE = 128
"""Of the frames that the network sees, pixels."""
WINDOW = (128, 192)
"""Height and width of the windows that it learns from."""
BATCH = 8
RATE, WARMUP, LAST = 5e-3, 20, 0.02
"""Largest learning rate, steps of its warm-up, and its last value as a share of the largest."""
ZOOM = (0.6, 1.1)
"""Pixels of a frame by pixel of a window."""
LEAST_TRUST = 0.2
"""Weight of frames in whose motion there is no trust; they have been filled from others."""


@dataclass(frozen=True)
class Lesson:
    """A frame to learn from.

    Attributes:
        image: (3, h, w) uint8, RGB.
        tokens: (C, r, c) float16, of an encoder.
        target: (h, w) float16, probability of the foreground.
        weight: (h, w) float16 from 0 to 1, certainty of the target.
    """

    image: Tensor
    tokens: Tensor
    target: Tensor
    weight: Tensor


def lessons(
    frames: np.ndarray,
    tokens: np.ndarray,
    probability: np.ndarray,
    mask: np.ndarray,
    trust: np.ndarray,
) -> list[Lesson]:
    """Make lessons of a shot.

    Args:
        frames: (T, h, w, 3) uint8, RGB.
        tokens: (T, r, c, C) float.
        probability: (T, h, w) float of the foreground; near one half it is uncertain.
        mask: (T, h, w) float, the same with the edges of the image: the target.
        trust: (T,) from 0 to 1, in the motion of each frame.
    """
    height, width = _size(frames.shape[1:3])

    def small(values: np.ndarray) -> np.ndarray:
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)

    result = []
    for t, frame in enumerate(frames):
        certain = np.abs(2 * probability[t] - 1) * max(LEAST_TRUST, float(trust[t]))
        maps = [torch.from_numpy(small(m.astype(np.float32))).half() for m in (mask[t], certain)]
        image = torch.from_numpy(small(frame)).permute(2, 0, 1).contiguous()
        token = torch.from_numpy(tokens[t].astype(np.float16)).permute(2, 0, 1).contiguous()
        result.append(Lesson(image, token, *maps))
    return result


class Student(nn.Module):
    """Three levels on the image; an encoder's tokens join at the coarsest.

    Args:
        channels: of the tokens.
        width: channels of the finest level; the others have two and four times as many.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        self.reduce = nn.Conv2d(channels, 4 * width, 1)
        self.fine = _convolutions(3, width)
        self.middle = _convolutions(width, 2 * width)
        self.coarse = _convolutions(2 * width, 4 * width)
        self.joined = _convolutions(8 * width, 4 * width)
        self.up_middle = _convolutions(6 * width, 2 * width)
        self.up_fine = _convolutions(3 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, image: Tensor, tokens: Tensor) -> Tensor:
        """Logits of the foreground.

        Args:
            image: (B, 3, h, w) float, RGB in [0, 1]; h and w multiples of 4.
            tokens: (B, C, r, c) float, of the same part of the scene at any resolution.

        Returns:
            (B, h, w).
        """
        fine = self.fine((image - self.mean) / self.std)
        middle = self.middle(functional.max_pool2d(fine, 2))
        coarse = self.coarse(functional.max_pool2d(middle, 2))
        seen = self.joined(torch.cat([coarse, _as_large(self.reduce(tokens), coarse)], 1))
        seen = self.up_middle(torch.cat([middle, _as_large(seen, middle)], 1))
        seen = self.up_fine(torch.cat([fine, _as_large(seen, fine)], 1))
        return self.head(seen)[:, 0]


def train(
    taught: Sequence[Lesson], iterations: int, seed: int, device: str, steps: Steps
) -> Student:
    """Train a network on lessons of any shots.

    Args:
        taught: at least one; tokens of one encoder.
        iterations: optimiser steps.
        seed: of the initial weights and of all that is drawn.
        device: torch device.
        steps: shows the progress.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Student(len(taught[0].tokens))
    network = network.to(device).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    kind, narrow = torch.device(device).type, has_bfloat16(device)
    for step in steps(range(iterations), "learning", iterations):
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, iterations)
        windows = [_window(taught[i], rng) for i in rng.integers(len(taught), size=BATCH)]
        image, tokens, target, weight = (
            torch.stack(v).to(device) for v in zip(*windows, strict=True)
        )
        with torch.autocast(kind, torch.bfloat16, enabled=narrow):
            logits = network(image.contiguous(memory_format=torch.channels_last), tokens)
        error = functional.binary_cross_entropy_with_logits(logits.float(), target, weight)
        loss = error / weight.mean().clamp(min=1e-6)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


@torch.no_grad()
def predict(network: Student, frames: np.ndarray, tokens: np.ndarray, device: str) -> np.ndarray:
    """Probability of the foreground, of frames and their mirror images together.

    Args:
        network: trained.
        frames: (T, h, w, 3) uint8, RGB.
        tokens: (T, r, c, C) float.
        device: torch device.

    Returns:
        (T, h, w) float32.
    """
    height, width = _size(frames.shape[1:3])
    result = np.empty(frames.shape[:3], np.float32)
    for t, frame in enumerate(frames):
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        image = torch.from_numpy(small).to(device).permute(2, 0, 1)[None].float() / 255
        token = torch.from_numpy(tokens[t].astype(np.float32)).to(device).permute(2, 0, 1)[None]
        both = torch.cat([image, image.flip(3)]), torch.cat([token, token.flip(3)])
        plain, mirrored = network(*both)
        mean = ((plain + mirrored.flip(1)) / 2).sigmoid().float().cpu().numpy()
        result[t] = cv2.resize(mean, frames.shape[2:0:-1], interpolation=cv2.INTER_LINEAR)
    return result


def _size(size: tuple[int, ...]) -> tuple[int, int]:
    """Height and width that the network sees, multiples of 4."""
    scale = SHORT_SIDE / min(size)
    return max(4, round(size[0] * scale / 4) * 4), max(4, round(size[1] * scale / 4) * 4)


def _window(lesson: Lesson, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A window of a frame, perhaps mirrored, its colours changed: image, tokens, target, weight."""
    height, width = lesson.image.shape[1:]
    zoom, mirror = rng.uniform(*ZOOM), rng.choice([-1.0, 1.0])
    share = zoom * WINDOW[0] / height, zoom * WINDOW[1] / width
    down, across = (rng.uniform(-1, 1) * max(0.0, 1 - part) for part in share)
    theta = torch.tensor([[[share[1] * mirror, 0, across], [0, share[0], down]]])
    coarse = tuple(side // 4 for side in WINDOW)

    def taken(values: Tensor, size: tuple[int, ...], padding: str) -> Tensor:
        grid = functional.affine_grid(theta.float(), [1, 1, *size], align_corners=False)
        return functional.grid_sample(
            values[None].float(), grid, padding_mode=padding, align_corners=False
        )[0]

    image = taken(lesson.image, WINDOW, "reflection") / 255
    gain, offset = rng.uniform(0.8, 1.2, (3, 1, 1)), rng.uniform(-0.1, 0.1)
    image = (image * torch.from_numpy(gain).float() + offset).clamp(0, 1)
    # Beyond the frame there is nothing to learn: zeros.
    maps = taken(torch.stack([lesson.target, lesson.weight]), WINDOW, "zeros")
    return image, taken(lesson.tokens, coarse, "reflection"), maps[0], maps[1]


def _rate(step: int, iterations: int) -> float:
    decay = LAST + (1 - LAST) * (1 + np.cos(np.pi * step / iterations)) / 2
    return RATE * min(1.0, (step + 1) / WARMUP) * float(decay)


def _as_large(values: Tensor, other: Tensor) -> Tensor:
    size = other.shape[-2:]
    return functional.interpolate(values, size=size, mode="bilinear", align_corners=False)


def _convolutions(inputs: int, outputs: int) -> nn.Sequential:
    layers: Iterator[nn.Module] = (
        layer
        for channels in (inputs, outputs)
        for layer in (
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )
    )
    return nn.Sequential(*layers)
