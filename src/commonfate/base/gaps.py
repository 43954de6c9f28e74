"""Choice of a frame gap among those that flow is stored for."""

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field


def _leads_to_another_frame(gap: int) -> int:
    if gap == 0:
        raise ValueError("must not be 0, which is the frame itself")
    return gap


Gap = Annotated[int, Field(ge=-64, le=64), AfterValidator(_leads_to_another_frame)]
"""Frames from a frame to the one that its flow leads to."""


def shortest(gaps: Collection[int]) -> int:
    """Shortest of some gaps; of two opposite ones the forward one."""
    return min(gaps, key=lambda gap: (abs(gap), -gap))


def resolved(gap: int | None, gaps: Collection[int]) -> int:
    """Check a gap against those that are stored; None becomes the shortest.

    Raises:
        ValueError: neither this gap nor the opposite one is stored.
    """
    if gap is None:
        return shortest(gaps)
    if not {gap, -gap} & set(gaps):
        stored = ", ".join(map(str, sorted(gaps)))
        raise ValueError(f"gap {gap}: there is only flow of the gaps {stored}")
    return gap
