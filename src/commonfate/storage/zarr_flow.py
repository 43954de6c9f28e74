"""Flow as Zarr v3 in one zip a shard: `{video}/{gap}` is (pairs, 2, H, W) int16, a pair a chunk.

Any Zarr reads it where this package is installed (its codecs are found by name); `ZarrFlowReader`
reads the chunks itself, without Zarr, several times as fast. A read of one pair touches its own
bytes only, which a CRC-32C protects.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.files import replacing
from commonfate.storage.damage import reading
from commonfate.storage.flow_codecs import CODECS, codec_of
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import FlowWriter, StagedPart
from commonfate.storage.names import node_name
from commonfate.storage.quantize import NO_VALUE
from commonfate.storage.sharded_zip import ShardedArray, ShardedZip, write_array, write_group
from commonfate.storage.zarr_zip import LazyZip


class ZarrFlowWriter(FlowWriter):
    """Write a zip."""

    @staticmethod
    def _is_store(folder: Path) -> bool:
        return False

    def _encode(self, steps: np.ndarray) -> bytes:
        return CODECS[self.codec].encode(steps)

    def _finish(self, parts: list[StagedPart]) -> None:
        with replacing(self.path) as temporary, zipfile.ZipFile(temporary, "w") as store:
            write_group(store, "", self._index(parts))
            for video in dict.fromkeys(part.info.video for part in parts):
                write_group(store, node_name(video), {})
            for part in parts:
                info, records = part.info, part.staged.records
                write_array(
                    store,
                    _node(info),
                    part.staged.payloads(info.sources),
                    [records[t].length for t in info.sources],
                    (2, info.height, info.width),
                    part.attributes(),
                    dtype="int16",
                    fill_value=NO_VALUE,
                    dimension_names=("pair", "component", "y", "x"),
                    **CODECS[self.codec].zarr_settings(),
                )


class ZarrFlowReader(FlowReader):
    """Read a zip."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._opened: ShardedZip | None = None
        self._arrays: dict[str, ShardedArray] = {}
        self._plain: LazyZip | None = None

    def _load_index(self) -> dict[str, Any]:
        metadata = self._zip().metadata("")
        if metadata["node_type"] != "group":
            raise ValueError("its root is no group")
        return metadata["attributes"]

    def _load(self, info: FlowInfo, position: int, what: str) -> np.ndarray:
        with reading(f"{self.path}: {what}", self.path):
            array = self._array(info)
            codec = codec_of(array.codecs)
            if codec is None:
                return self._load_with_zarr(info, position)
            return codec.decode(array.read(position), (info.height, info.width))

    def _load_counts(self, info: FlowInfo) -> dict[str, Any]:
        with reading(f"{self.path}: counts of {info}", self.path):
            return self._array(info).attributes

    def _array(self, info: FlowInfo) -> ShardedArray:
        node = _node(info)
        if node not in self._arrays:
            array = self._zip().array(node)
            if array.shape != (len(info.sources), 2, info.height, info.width):
                raise ValueError(f"the array is {array.shape}, not as the index says")
            self._arrays[node] = array
        return self._arrays[node]

    def _load_with_zarr(self, info: FlowInfo, position: int) -> np.ndarray:
        """A pair of a store of the first format, with a zip entry a pair, or of other codecs."""
        self._plain = self._plain or LazyZip(self.path)
        return self._plain[_node(info)][position]

    def _zip(self) -> ShardedZip:
        if self._opened is None:
            self._opened = ShardedZip(self.path)
        return self._opened

    def _close(self) -> None:
        for opened in (self._opened, self._plain):
            if opened is not None:
                opened.close()


def _node(info: FlowInfo) -> str:
    return f"{node_name(info.video)}/{info.gap}"
