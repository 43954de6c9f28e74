"""Settings of the search for what moves, and its progress, without arrays."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

Camera = Literal["any", "turns", "moves"]
"""Motion of the camera that is told from that of things: it turns, or moves past things."""

Steps = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Wrapper of a loop that shows its progress: items, description, number of items."""


def silent(items: Iterable[Any], description: str, total: int) -> Iterable[Any]:
    """Steps of which nothing is shown."""
    return items
