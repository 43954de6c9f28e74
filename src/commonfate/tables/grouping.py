"""Labels by what they have in common, so that rows that agree share a note."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, list[str]]:
    """Labels by what they have in common, each once, in the order of the pairs."""
    groups: dict[K, dict[str, None]] = {}
    for key, label in pairs:
        groups.setdefault(key, {})[label] = None
    return {key: list(labels) for key, labels in groups.items()}
