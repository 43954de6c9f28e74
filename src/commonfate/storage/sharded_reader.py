"""Base class of the readers of stores that are one zip of sharded arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from commonfate.storage.sharded_zip import ShardedArray, ShardedZip
from commonfate.storage.store import StoreReader


class ShardedReader(StoreReader):
    """A store in one zip (see `sharded_zip`); the attributes of its root group are the index."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._opened: ShardedZip | None = None
        self._arrays: dict[str, ShardedArray] = {}

    def _at(
        self, node: str, check: Callable[[ShardedArray], None] = lambda array: None
    ) -> ShardedArray:
        """The array of a node, opened once.

        Args:
            node: its name.
            check: raises ValueError if the array, just opened, is not as it should be.

        Raises:
            OSError, ValueError, KeyError: it is missing or damaged.
        """
        if node not in self._arrays:
            array = self._zip().array(node)
            check(array)
            self._arrays[node] = array
        return self._arrays[node]

    def _load_index(self) -> dict[str, Any]:
        metadata = self._zip().metadata("")
        if metadata["node_type"] != "group":
            raise ValueError("its root is no group")
        return metadata["attributes"]

    def _zip(self) -> ShardedZip:
        if self._opened is None:
            self._opened = ShardedZip(self.path)
        return self._opened

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None
        self._arrays.clear()
