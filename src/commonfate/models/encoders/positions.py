"""Position embeddings of vision transformers for grids of any size."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def positions(embedding: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embedding for a grid of another size, interpolated as DINO's code does.

    Bicubic without smoothing, unlike timm's. DINO's code adds a tenth of a patch to both sides,
    which moves the samples slightly. DINOv2's without registers does the same (its
    `interpolate_offset` of 0.1).

    Args:
        embedding: (1, 1 + S*S, C), learned; the class token's is first.
        grid: rows h and columns w of patches.

    Returns:
        (1, 1 + h*w, C).

    Raises:
        ValueError: the embedding is not that of a square.
    """
    side = math.isqrt(embedding.shape[1] - 1)
    if side * side != embedding.shape[1] - 1:
        raise ValueError(
            f"expected positions of a class token and a square of patches, found "
            f"{embedding.shape[1]}"
        )
    if grid == (side, side):
        return embedding
    learned = embedding[:, 1:].mT.unflatten(2, (side, side))
    scale = [(new + 0.1) / side for new in grid]
    resized = functional.interpolate(learned, scale_factor=scale, mode="bicubic")
    assert resized.shape[2:] == torch.Size(grid)  # rounding never reaches the added tenth
    return torch.cat([embedding[:, :1], resized.flatten(2).mT], dim=1)
