"""Which of the segments is the object: the one that moves most (Section 3.5)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from commonfate.methods.amd.network import Pairs

LEAST_SHARE = 1e-3
"""Of all pixels: a segment that takes less has vanished, and its motion says nothing."""


def segment_motion(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """How far the segments of pairs move, each pixel counting by its share in a segment.

    Returns:
        (c) float64: sums over pairs and both directions of a segment's share of the image times
        the length of its flow vector, in pixels a frame gap; and (c): sums of the shares.
    """
    vectors = torch.cat([pairs.forward.vectors, pairs.backward.vectors]).double()
    shares = torch.cat([pairs.forward_masks, pairs.backward_masks]).double().mean((2, 3))
    return (shares * vectors.norm(dim=2)).sum(0), shares.sum(0)


def fastest_segment(motions: Iterable[tuple[Tensor, Tensor]]) -> int:
    """The segment of largest mean motion; the first of equals.

    Args:
        motions: of `segment_motion`; at least one.
    """
    moved, shares = (torch.stack(sums).sum(0) for sums in zip(*motions, strict=True))
    mean = moved / shares
    return int(mean.where(shares >= LEAST_SHARE * shares.sum(), -1.0).argmax())
