"""A Zarr v3 array as one entry of a zip, written from encoded chunks and read chunk by chunk.

The items of the array (along the first axis) are the inner chunks of Zarr's `sharding_indexed`
codec: one entry holds all of them and, at its end, an index of offsets and lengths with a CRC-32C.
Any Zarr reads that. The directory of the zip stays small: a store has 80,000 pairs and more, and
every worker of a loader reads and holds the directory. Entries are not compressed by the zip, so an
item is read by one `pread`.
"""

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import MemoryStore

from commonfate.storage.damage import crc32c
from commonfate.storage.zarr_zip import DATE, METADATA, write_entry

LOCAL_HEADER_BYTES = 30
ZIP64_LIMIT = 2**31 - 1
CHECKSUM_BYTES = 4
INDEX_ITEM_BYTES = 16


def write_array(
    store: zipfile.ZipFile,
    node: str,
    chunks: Iterable[bytes],
    lengths: Sequence[int],
    item_shape: tuple[int, ...],
    attributes: Mapping[str, Any],
    **settings: Any,
) -> None:
    """Write an array of encoded items.

    Args:
        store: open for writing.
        node: name of the array.
        chunks: the encoded items; read one by one.
        lengths: of the items, bytes.
        item_shape: shape without the first axis.
        attributes: of the array.
        settings: as `zarr.create_array` takes them, the codecs that `chunks` are encoded with.
    """
    memory: dict[str, Any] = {}
    zarr.create_array(
        MemoryStore(memory),
        shape=(len(lengths), *item_shape),
        chunks=(1, *item_shape),
        shards=(max(1, len(lengths)), *item_shape),
        attributes=dict(attributes),
        **settings,
    )
    write_entry(store, f"{node}/{METADATA}", memory[METADATA].to_bytes())
    if not lengths:
        return
    ends = np.cumsum(lengths, dtype=np.uint64)
    index = np.stack([ends - np.asarray(lengths, np.uint64), np.asarray(lengths, np.uint64)], 1)
    index_bytes = index.astype("<u8").tobytes()
    entry = zipfile.ZipInfo(_shard_name(node, len(item_shape)), DATE)
    entry.external_attr = 0o644 << 16
    large = int(ends[-1]) + len(index_bytes) > ZIP64_LIMIT
    with store.open(entry, "w", force_zip64=large) as file:
        for chunk in chunks:
            file.write(chunk)
        file.write(index_bytes + crc32c(index_bytes).to_bytes(CHECKSUM_BYTES, "little"))


class ShardedZip:
    """Reader of such a zip, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._zip = zipfile.ZipFile(self._file)
        except BaseException:
            self._file.close()
            raise

    def metadata(self, node: str) -> dict[str, Any]:
        """Zarr's metadata of an array or group; "" is the root.

        Raises:
            KeyError: there is none.
        """
        return json.loads(self._zip.read(f"{node}/{METADATA}" if node else METADATA))

    def array(self, node: str) -> "ShardedArray":
        """An array.

        Raises:
            KeyError: there is none.
            ValueError: its index is damaged.
        """
        return ShardedArray(self._file.fileno(), self._zip, node, self.metadata(node))

    def close(self) -> None:
        """Close the file; arrays cannot be read any more."""
        self._zip.close()
        self._file.close()


class ShardedArray:
    """One array and the positions of its encoded items.

    Attributes:
        shape: of the array.
        codecs: of the items, as in the metadata; empty if the array is not sharded as `write_array`
            shards it.
        attributes: of the array.
    """

    def __init__(
        self, descriptor: int, store: zipfile.ZipFile, node: str, metadata: dict[str, Any]
    ) -> None:
        self.shape = tuple(metadata["shape"])
        self.attributes = metadata["attributes"]
        self.codecs = _inner_codecs(metadata)
        self._descriptor = descriptor
        if self.codecs and self.shape[0]:
            entry = store.getinfo(_shard_name(node, len(self.shape) - 1))
            self._start, self._index_at = self._extent(entry)
            self._index = self._read_index()

    def read(self, position: int) -> bytes:
        """The encoded item at a position.

        Raises:
            ValueError: it is missing, or the file is cut off.
        """
        offset, length = (int(number) for number in self._index[position])
        if offset + length > self._index_at - self._start:
            raise ValueError("the item is missing in the shard")
        return self._pread(length, self._start + offset)

    def _extent(self, entry: zipfile.ZipInfo) -> tuple[int, int]:
        """Positions, in the file, of the first item and of the index."""
        header = self._pread(LOCAL_HEADER_BYTES, entry.header_offset)
        name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        start = entry.header_offset + LOCAL_HEADER_BYTES + name + extra
        index_at = start + entry.file_size - INDEX_ITEM_BYTES * self.shape[0] - CHECKSUM_BYTES
        if entry.compress_type != zipfile.ZIP_STORED or index_at < start:
            raise ValueError("the shard has no index")
        return start, index_at

    def _read_index(self) -> np.ndarray:
        """Offset and length of each item."""
        length = INDEX_ITEM_BYTES * self.shape[0]
        data = self._pread(length + CHECKSUM_BYTES, self._index_at)
        if crc32c(data[:length]) != int.from_bytes(data[length:], "little"):
            raise ValueError("the checksum of the shard's index does not match")
        return np.frombuffer(data[:length], "<u8").reshape(-1, 2)

    def _pread(self, length: int, offset: int) -> bytes:
        data = os.pread(self._descriptor, length, offset)
        if len(data) < length:
            raise ValueError("the file is cut off")
        return data


def _inner_codecs(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The inner codecs of an array with one shard, and one item a chunk."""
    codecs = metadata["codecs"]
    if [codec["name"] for codec in codecs] != ["sharding_indexed"]:
        return []
    sharding = codecs[0]["configuration"]
    shape = metadata["shape"]
    whole = metadata["chunk_grid"]["configuration"]["chunk_shape"] == [max(1, shape[0]), *shape[1:]]
    single = sharding["chunk_shape"] == [1, *shape[1:]]
    index = [codec["name"] for codec in sharding["index_codecs"]]
    if not (whole and single and index == ["bytes", "crc32c"]):
        return []
    if sharding["index_location"] != "end":
        return []
    return sharding["codecs"]


def _shard_name(node: str, axes: int) -> str:
    return "/".join([node, "c", "0", *["0"] * axes])
