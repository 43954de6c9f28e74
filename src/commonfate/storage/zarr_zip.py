"""Zarr v3 arrays in zips, a chunk an entry: written one at a time, joined, read strictly.

This is the container of frames; flow has many more chunks and lies in `sharded_zip`.

Each array is first written to a zip of its own (a part); `join` then copies complete parts into
one zip. Equal inputs give equal bytes: entries have a fixed order and a fixed date.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import MemoryStore, ZipStore

from commonfate.storage.damage import reading

METADATA = "zarr.json"
DATE = (1980, 1, 1, 0, 0, 0)


def blosc(itemsize: int) -> BloscCodec:
    """The entropy coder behind `commonfate.delta2d`.

    Level 1 in blocks of 2 MB: on DAVIS flow 18.8 times smaller than float32 at 1.4 ms to encode and
    0.7 ms to decode, against 18.7 at 6.9 ms and 0.8 ms for level 5, and 18.3 at 3.1 ms and 2.0 ms
    for level 1 in blosc's own block size.
    """
    return BloscCodec(
        cname="zstd", clevel=1, shuffle="bitshuffle", typesize=itemsize, blocksize=1 << 21
    )


class PartWriter:
    """Write one array to a zip of its own, one item of the first axis in each chunk.

    To be used in a `with` statement; `finish` makes the part complete.

    Args:
        path: the part.
        item_shape: shape without the first axis.
        dtype: of the array.
        compressors: of the chunks; a checksum is added.
        settings: `filters`, `serializer`, `fill_value`, `dimension_names`, as `zarr.create_array`
            takes them.
    """

    def __init__(
        self,
        path: Path,
        item_shape: tuple[int, ...],
        dtype: str,
        compressors: Sequence[Any] = (),
        **settings: Any,
    ) -> None:
        self.length = 0
        self._item_shape = item_shape
        self._settings = {
            **settings,
            "dtype": dtype,
            "chunks": (1, *item_shape),
            "compressors": [*compressors, Crc32cCodec()],
            # A chunk that is missing is damage, even where all its values are the fill value.
            "config": {"write_empty_chunks": True},
        }
        # Zarr encodes one item at a time into this dictionary; `append` moves it to the zip.
        self._encoded: dict[str, Any] = {}
        self._encoder = self._create(self._encoded, 1, {})
        self._zip = zipfile.ZipFile(path, "w")

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def append(self, item: np.ndarray) -> None:
        """Encode and write the next item."""
        self._encoder[0] = item
        encoded = self._encoded.pop(self._key(0)).to_bytes()
        write_entry(self._zip, self._key(self.length), encoded)
        self.length += 1

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write the metadata, now that the length is known."""
        metadata: dict[str, Any] = {}
        self._create(metadata, self.length, attributes)
        write_entry(self._zip, METADATA, metadata[METADATA].to_bytes())

    def _key(self, index: int) -> str:
        return "/".join(["c", str(index), *["0"] * len(self._item_shape)])

    def _create(
        self, memory: dict[str, Any], length: int, attributes: Mapping[str, Any]
    ) -> zarr.Array:
        return zarr.create_array(
            MemoryStore(memory),
            shape=(length, *self._item_shape),
            attributes=dict(attributes),
            **self._settings,
        )


def join(
    path: Path, parts: Iterable[tuple[str, Path]], groups: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write one store.

    Args:
        path: the zip to write.
        parts: node name and part of each array, in the order of the store.
        groups: node name ("" is the root) and attributes of each group.
    """
    with zipfile.ZipFile(path, "w") as store:
        for node, attributes in groups.items():
            write_group(store, node, attributes)
        for node, part in parts:
            for name, data in _entries(part):
                write_entry(store, f"{node}/{name}", data)


def _entries(part: Path) -> Iterator[tuple[str, bytes]]:
    with reading(str(part), part), zipfile.ZipFile(part) as source:
        for entry in source.infolist():
            yield entry.filename, source.read(entry)


def write_group(store: zipfile.ZipFile, node: str, attributes: Mapping[str, Any]) -> None:
    """Write a group; "" is the root."""
    memory: dict[str, Any] = {}
    zarr.create_group(MemoryStore(memory), attributes=dict(attributes))
    write_entry(store, f"{node}/{METADATA}" if node else METADATA, memory[METADATA].to_bytes())


def write_entry(store: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Write an entry of a zip, uncompressed, with the fixed date."""
    entry = zipfile.ZipInfo(name, DATE)
    entry.external_attr = 0o644 << 16
    store.writestr(entry, data)


class StrictZip(ZipStore):
    """A zip in which a chunk that is missing is an error, not the fill value."""

    async def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        value = await super().get(key, *args, **kwargs)
        if value is None and not key.endswith(METADATA):
            raise KeyError(f"{key} is missing")
        return value


class LazyZip:
    """Arrays and groups of a store by node, each opened at its first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store: StrictZip | None = None
        self._nodes: dict[str, zarr.Array | zarr.Group] = {}

    def __getitem__(self, node: str) -> Any:
        """The array or group at a node; "" is the root."""
        if node not in self._nodes:
            store = self._store or StrictZip(self.path, mode="r")
            self._nodes[node] = zarr.open(store, path=node, mode="r", zarr_format=3)
            self._store = store  # only now: Zarr cannot close a store that it failed to open
        return self._nodes[node]

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
