"""Frame gaps that flow is looked at with, where it is stored with several."""

from collections.abc import Collection


def shortest(gaps: Collection[int]) -> int:
    """The shortest of some gaps, forward where there is a choice: what is nearest the eye."""
    return min(gaps, key=lambda gap: (abs(gap), -gap))


def resolved(gap: int | None, gaps: Collection[int]) -> int:
    """The gap to look at among those that there are; none asks for the shortest.

    Raises:
        ValueError: there is neither this gap nor the opposite one.
    """
    if gap is None:
        return shortest(gaps)
    if not {gap, -gap} & set(gaps):
        known = ", ".join(map(str, sorted(gaps)))
        raise ValueError(f"gap {gap}: there is only flow of the gaps {known}")
    return gap
