"""Choice of a frame gap among those that flow is stored for."""

from collections.abc import Collection


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
