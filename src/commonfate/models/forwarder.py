"""TimeT's Feature-Forwarder: soft maps carried from the first frame of a clip to later frames.

Salehi et al., "Time Does Tell: Self-Supervised Time-Tuning of Dense Image Representations", ICCV
2023, Eq. 3 to 5. Each patch of a frame takes the mean of the maps at patches of earlier frames,
weighted by exp(cos / temperature) of their features. The defaults are those of the released code,
which departs from the paper; `listing` is the paper's Listing 1.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from commonfate.models.settings import ForwarderSettings

AT_ONCE = 2**26
"""Affinities that are held at once; more target patches are done in several goes."""


@torch.no_grad()
def forward(features: Tensor, first: Tensor, settings: ForwarderSettings | None = None) -> Tensor:
    """Carry the maps of the first frames of clips to all later frames.

    Propagated maps are read by later frames in turn. They sum to 1 over K where the first does,
    unless mass is lost. No gradient is kept, as in the released code.

    Args:
        features: (B, T, h, w, C) float, of any norm; a feature of norm 0 has similarity 0.
        first: (B, K, h, w) float, maps of the first frames, on the same device.
        settings: None: as released.

    Returns:
        (B, T - 1, K, h, w) float32, maps of the frames after the first.

    Raises:
        ValueError: shapes do not go together, or features or maps are not finite.
    """
    settings = settings or ForwarderSettings()
    _check(features, first)
    clips, frames, height, width, _ = features.shape
    unit = functional.normalize(features.float(), dim=-1).flatten(2, 3)
    near = None if settings.window is None else window(height, width, settings.window)
    near = None if near is None else near.to(features.device)
    maps = [first.float().flatten(2)]
    for t in range(1, frames):
        context = _context(t, settings.context)
        sources = unit[:, context].flatten(1, 2)
        values = torch.cat([maps[c] for c in context], 2)
        parts = [
            values
            @ _weights(unit[:, t, rows], sources, None if near is None else near[rows], settings).mT
            for rows in _rows(height * width, clips * sources.shape[1])
        ]
        maps.append(torch.cat(parts, 2))
    later = (
        torch.stack(maps[1:], 1) if frames > 1 else maps[0].new_empty(clips, 0, *maps[0].shape[1:])
    )
    return later.unflatten(3, (height, width))


def window(height: int, width: int, size: int) -> Tensor:
    """Pairs of patches that are at most `size` rows and columns apart: (h * w, h * w) bool."""
    rows, columns = torch.arange(height), torch.arange(width)
    rows_near = (rows[:, None] - rows).abs() <= size
    columns_near = (columns[:, None] - columns).abs() <= size
    near = rows_near[:, None, :, None] & columns_near[None, :, None, :]
    return near.reshape(height * width, height * width)


def _context(target: int, length: int | None) -> list[int]:
    """Frames that frame `target` reads: the first, and `length` before it."""
    start = 1 if length is None else max(target - length, 1)
    return [0, *range(start, target)]


def _rows(patches: int, sources: int) -> Iterator[slice]:
    step = max(AT_ONCE // max(sources, 1), 1)
    for start in range(0, patches, step):
        yield slice(start, start + step)


def _weights(
    targets: Tensor, sources: Tensor, near: Tensor | None, settings: ForwarderSettings
) -> Tensor:
    """Weights of all sources for each target: (B, R, N) float32.

    Args:
        targets: (B, R, C) unit features.
        sources: (B, N, C) unit features, frame by frame.
        near: (R, P) bool, N a multiple of P; None without a window.
        settings: how sources are chosen.
    """
    cosine = targets @ sources.mT
    if near is not None and settings.outside != "lost":
        value = -torch.inf if settings.outside == "ignored" else 0.0
        _by_frame(cosine, near).masked_fill_(~near[:, None], value)
    if settings.top_k is not None and settings.top_k < cosine.shape[2]:
        least = cosine.topk(settings.top_k, dim=2).values[..., -1:]
        cosine.masked_fill_(cosine < least, -torch.inf)
    weights = cosine.div_(settings.temperature).softmax(2)
    if near is not None and settings.outside == "lost":
        _by_frame(weights, near).mul_(near[:, None])
    return weights


def _by_frame(values: Tensor, near: Tensor) -> Tensor:
    """View of (B, R, N) values as (B, R, frames, P)."""
    return values.unflatten(2, (-1, near.shape[1]))


def _check(features: Tensor, first: Tensor) -> None:
    if features.ndim != 5 or first.ndim != 4 or features.shape[1] == 0:
        raise ValueError(
            f"expected features (B, T, h, w, C) and first maps (B, K, h, w), not "
            f"{tuple(features.shape)} and {tuple(first.shape)}"
        )
    if (features.shape[0], *features.shape[2:4]) != (first.shape[0], *first.shape[2:]):
        raise ValueError(
            f"features {tuple(features.shape)} and first maps {tuple(first.shape)} differ in "
            "clips or size"
        )
    for name, values in (("features", features), ("first maps", first)):
        if not torch.isfinite(values).all():
            raise ValueError(f"{name} of a clip are not finite")
