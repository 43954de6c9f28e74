"""Flow as Zarr v3 in one zip a shard: `{video}/{gap}` is (pairs, 2, H, W) int16, a pair a chunk.

Any Zarr reads such a store where this package is installed (Zarr finds its codecs by name).
`ZarrFlowReader` reads the chunks without Zarr, several times as fast. Reading a pair touches the
bytes of this pair only, which a CRC-32C protects.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.files import replacing
from commonfate.storage.damage import reading
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.flow_part import StagedPart
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import FlowWriter
from commonfate.storage.prediction import (
    METHOD,
    check_codecs,
    decode_pair,
    encode_pair,
    zarr_settings,
)
from commonfate.storage.quantize import NO_VALUE
from commonfate.storage.sharded_reader import ShardedReader
from commonfate.storage.sharded_zip import ShardedArray, write_array
from commonfate.storage.store import node_name
from commonfate.storage.zarr_zip import write_group


class ZarrFlowWriter(FlowWriter):
    """Write a zip."""

    def __init__(
        self, path: str | Path, steps_per_pixel: int, provenance: dict[str, Any], key: str
    ) -> None:
        super().__init__(path, steps_per_pixel, provenance, key, METHOD)

    @staticmethod
    def _is_store(folder: Path) -> bool:
        return False

    def _encode(self, steps: np.ndarray) -> bytes:
        return encode_pair(steps)

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
                    **zarr_settings(),
                )


class ZarrFlowReader(ShardedReader, FlowReader):
    """Read a zip."""

    def _load(self, info: FlowInfo, position: int, item: str) -> np.ndarray:
        with reading(f"{self.path}: {item}", self.path):
            data = self._array(info).read(position)
            return decode_pair(data, (info.height, info.width))

    def _load_counts(self, info: FlowInfo) -> dict[str, Any]:
        with reading(f"{self.path}: counts of {info}", self.path):
            return self._array(info).attributes

    def _array(self, info: FlowInfo) -> ShardedArray:
        def check(array: ShardedArray) -> None:
            if array.shape != (len(info.sources), 2, info.height, info.width):
                raise ValueError(f"the array is {array.shape}, which contradicts the index")
            check_codecs(array.codecs)

        return self._at(_node(info), check)


def _node(info: FlowInfo) -> str:
    return f"{node_name(info.video)}/{info.gap}"
