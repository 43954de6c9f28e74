"""Loops over frames, in as many threads as OpenCV may use."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """Yield the function of each item, in order.

    NumPy and OpenCV let other threads run while they calculate.

    Args:
        function: depends on its item alone.
        items: all are taken at once.
        threads: their number; by default OpenCV's, which `--threads` sets.
    """
    threads = max(1, cv2.getNumThreads() if threads is None else threads)
    if threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)
