"""Arrays that are read from files when they are indexed, in the place of arrays in memory."""

from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

HELD_BYTES = 2**31
"""Largest array of features that is held in memory; larger ones are read again in each pass."""


class Lazy:
    """An array whose first axis is read item by item.

    Protocols take it wherever they index by a number or by an array of numbers.

    Args:
        read: item by number, an array of one shape and type for all.
        count: number of items.
    """

    def __init__(self, read: Callable[[int], np.ndarray], count: int) -> None:
        first = read(0)
        self._read = read
        self.shape, self.dtype, self.ndim = (count, *first.shape), first.dtype, first.ndim + 1

    @property
    def nbytes(self) -> int:
        """Bytes that the array would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self._read, range(len(self)))

    def __getitem__(self, key: int | np.ndarray) -> np.ndarray:
        if isinstance(key, int | np.integer):
            return self._read(int(key))
        result = np.empty((len(key), *self.shape[1:]), self.dtype)
        for place, number in enumerate(key):
            result[place] = self._read(int(number))
        return result


def held(array: Lazy) -> np.ndarray:
    """The same array in memory."""
    return array[np.arange(len(array))]


def as_array(array: Lazy, limit: int = HELD_BYTES) -> np.ndarray:
    """The array in memory if it takes no more than `limit` bytes, else the lazy one."""
    return held(array) if array.nbytes <= limit else cast(np.ndarray, array)
