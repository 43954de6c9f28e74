"""Appearance of a video's patches: colours, an encoder's tokens, links between those alike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from commonfate.foreground.settings import Steps

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from commonfate.models.encoders.base import Encoder

PATCH = 8
"""Side of a patch, in pixels."""
SHORT_SIDE = 240
"""Of the frames whose appearance is looked at, at most, pixels; links of finer patches would take
the square of the time, and helped little."""
DIRECTIONS = 64
"""Principal directions of the tokens that are kept."""
EVERY = 7
"""Every so-many-th token is in the estimate of the directions."""
COLOUR = 0.5
"""Length of the colours of a patch beside its tokens."""
STEPS = (0, 1, 2, 4, 8)
"""Frames between linked patches."""
RADIUS = 6
"""Patches between linked patches of a frame; one more for each frame between them."""
NEIGHBOURS = 8
"""Links of a patch to each frame."""
TEMPERATURE = 0.05
"""Difference in cosine similarity at which a link is e times weaker."""
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Appearance:
    """Appearance of the patches of a shot.

    Attributes:
        colours: (T, r, c, 3) float32, CIE L*a*b* over the shot, centred, mean square 1.
        features: (T, r, c, C) float32 of length 1, tokens and colours.
    """

    colours: np.ndarray
    features: np.ndarray


def grid(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches of frames of a size, the last ones completed."""
    return -(-size[0] // PATCH), -(-size[1] // PATCH)


def pooled(maps: np.ndarray, size: tuple[int, ...] | None = None) -> np.ndarray:
    """Means over the patches: (T, r, c) float32 of (T, h, w).

    Args:
        maps: of a shot.
        size: rows and columns; by default those of patches of the maps' own pixels.
    """
    rows, columns = size or grid(maps.shape[1:])
    return np.stack(
        [
            cv2.resize(m.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
            for m in maps
        ]
    )


def of_tokens(frames: np.ndarray, tokens: np.ndarray) -> Appearance:
    """Appearance of a shot, at a short side of `SHORT_SIDE` pixels at most.

    Args:
        frames: (T, h, w, 3) uint8, RGB.
        tokens: see `tokens_of`.
    """
    colours = colours_of(_reduced(frames))
    tokens = _directions(tokens)
    # A Python number: a scalar of NumPy would make everything double precision.
    both = np.concatenate([tokens, COLOUR / 3**0.5 * colours], axis=-1)
    both /= np.linalg.norm(both, axis=-1, keepdims=True) + np.finfo(np.float32).eps
    return Appearance(colours, both)


def colours_of(frames: np.ndarray) -> np.ndarray:
    """Colours of the patches, see `Appearance`, of frames (T, h, w, 3) uint8."""
    rows, columns = grid(frames.shape[1:3])
    small = [cv2.resize(f, (columns, rows), interpolation=cv2.INTER_AREA) for f in frames]
    colours = np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2LAB) for f in small]).astype(np.float32)
    colours -= colours.mean((0, 1, 2))
    return colours / max(float(np.sqrt(np.square(colours).mean())), TINY)


def _reduced(frames: np.ndarray) -> np.ndarray:
    """Frames (T, h, w, 3) uint8 at the size at which appearance is looked at."""
    scale = SHORT_SIDE / min(frames.shape[1:3])
    if scale >= 1:
        return frames
    size = tuple(round(side * scale) for side in frames.shape[2:0:-1])
    return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])


@torch.no_grad()
def tokens_of(frames: np.ndarray, encoder: "Encoder", device: str, steps: Steps) -> np.ndarray:
    """An encoder's tokens, one a patch of the frames at a short side of `SHORT_SIDE` at most.

    Args:
        frames: (T, h, w, 3) uint8, RGB.
        encoder: of the tokens.
        device: of the encoder.
        steps: shows the progress.

    Returns:
        (T, r, c, C) float32.
    """
    frames = _reduced(frames)
    rows, columns = grid(frames.shape[1:3])
    size = (columns * encoder.patch, rows * encoder.patch)
    encoder = encoder.to(device)
    tokens = []
    for t in steps(range(len(frames)), "appearance", len(frames)):
        shown = cv2.resize(frames[t], size, interpolation=cv2.INTER_AREA)
        image = torch.from_numpy(shown).to(device).permute(2, 0, 1)[None].float() / 255
        tokens.append(encoder(image, {"tokens"})["tokens"][0].float().cpu().numpy())
    return np.stack(tokens)


def _directions(tokens: np.ndarray) -> np.ndarray:
    """(T, r, c, D): principal directions of the tokens of a shot, mean squared length 1."""
    flat = tokens.reshape(-1, tokens.shape[-1])
    flat = flat - flat.mean(0)
    sample = flat[::EVERY].astype(np.float64)
    _, vectors = np.linalg.eigh(sample.T @ sample)
    kept = flat @ vectors[:, ::-1][:, :DIRECTIONS].astype(np.float32)
    kept /= max(float(np.sqrt(np.square(kept).sum(1).mean())), TINY)
    return kept.reshape(*tokens.shape[:3], -1)


@torch.no_grad()
def links(features: np.ndarray, device: str, steps: Steps) -> "csr_matrix":
    """Weights by which a patch takes the mean of others that look alike, nearby in place and time.

    Each patch is linked to its `NEIGHBOURS` most similar ones of its frame and of frames up to
    eight away, within a radius that grows by a patch a frame. A link of cosine similarity s has
    weight exp((s - 1) / TEMPERATURE); both directions of a link are averaged, and the weights of
    a patch sum to 1.

    Args:
        features: (T, r, c, C) float32, of length 1.
        device: where similarities are calculated.
        steps: shows the progress.

    Returns:
        (T r c, T r c) sparse, float32.
    """
    from scipy.sparse import csr_matrix, diags

    count, rows, columns, channels = features.shape
    patches = rows * columns
    every = torch.from_numpy(features).to(device).reshape(count, patches, channels)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    place = torch.stack([y.flatten(), x.flatten()]).to(device)
    apart = (place[:, :, None] - place[:, None]).abs().amax(0)
    # One buffer for all: freed matrices between links that stay would leave gigabytes of holes.
    similarity = every.new_empty(patches, patches)
    parts = []
    for t in steps(range(count), "links", count):
        for step in sorted({sign * step for step in STEPS for sign in (1, -1)}):
            if not 0 <= t + step < count:
                continue
            torch.matmul(every[t], every[t + step].T, out=similarity)
            similarity.masked_fill_(apart > RADIUS + abs(step), -torch.inf)
            if step == 0:
                similarity.fill_diagonal_(-torch.inf)
            best = similarity.topk(min(NEIGHBOURS, patches - 1))
            weights = ((best.values - 1) / TEMPERATURE).exp()
            parts.append((t, best.indices + (t + step) * patches, weights))
    source = np.concatenate(
        [np.repeat(np.arange(patches) + t * patches, index.shape[1]) for t, index, _ in parts]
    )
    target = np.concatenate([index.flatten().cpu().numpy() for _, index, _ in parts])
    weight = np.concatenate([values.flatten().cpu().numpy() for *_, values in parts])
    matrix = csr_matrix((weight, (source, target)), shape=(count * patches,) * 2)
    matrix = (matrix + matrix.T).tocsr()
    total = np.maximum(np.asarray(matrix.sum(1)).ravel(), TINY)
    return (diags(1 / total) @ matrix).tocsr().astype(np.float32)
