"""Nearest neighbours by cosine similarity, within a budget of memory."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

AT_ONCE = 2**26
"""Similarities that are held at once."""
BANK_AT_ONCE = 2**18
"""Vectors of the bank that are compared at once."""


def finite(values: np.ndarray, name: str) -> Tensor:
    """Values as a float32 tensor.

    Raises:
        ValueError: they are not all finite; the first item with such a value is named.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    bad = ~torch.isfinite(tensor.flatten(1)).all(1)
    if bad.any():
        raise ValueError(f"{name}: item {int(bad.nonzero()[0])} has a feature that is not finite")
    return tensor


def unit(values: Tensor) -> Tensor:
    """Vectors (..., C) of length 1; a vector of length 0 stays, and is similar to none."""
    return functional.normalize(values.float(), dim=-1)


def nearest(queries: Tensor, bank: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k vectors of the bank that are most similar to each query.

    Args:
        queries: (n, C) float32, unit vectors.
        bank: (m, C) float, unit vectors on the same device; fewer bits are widened for the product.
        k: neighbours, at most m.

    Returns:
        Cosine similarities (n, k) float32, descending, and indices into the bank (n, k) int64.

    Raises:
        ValueError: k is not in 1 to m.
    """
    if not 1 <= k <= len(bank):
        raise ValueError(f"{k} neighbours of a bank of {len(bank)} vectors")
    rows = max(AT_ONCE // min(len(bank), BANK_AT_ONCE), 1)
    parts = [_nearest(queries[i : i + rows], bank, k) for i in range(0, len(queries), rows)]
    if not parts:
        return queries.new_empty(0, k), torch.empty(0, k, dtype=torch.int64, device=queries.device)
    similar, index = zip(*parts, strict=True)
    return torch.cat(similar), torch.cat(index)


def _nearest(queries: Tensor, bank: Tensor, k: int) -> tuple[Tensor, Tensor]:
    best, index = (
        queries.new_empty(len(queries), 0),
        torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device),
    )
    for start in range(0, len(bank), BANK_AT_ONCE):
        cosine = queries @ bank[start : start + BANK_AT_ONCE].to(queries.dtype).T
        top, place = cosine.topk(min(k, cosine.shape[1]), dim=1)
        best, index = torch.cat([best, top], 1), torch.cat([index, place + start], 1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        index = index.gather(1, order)
    return best, index
