"""Flow as Zarr v3 in one zip a shard: `{video}/{gap}` is (pairs, 2, H, W) int16, a pair a chunk.

Any Zarr reads it where this package is installed (its codec is found by name). A read of one pair
touches its own bytes only, which two checksums protect: crc32c in the chunk, CRC-32 in the zip.
"""

from pathlib import Path
from typing import Any

import numpy as np

from commonfate.files import replacing
from commonfate.storage.damage import reading
from commonfate.storage.delta2d import Delta2D
from commonfate.storage.flow import FlowInfo, FlowReader
from commonfate.storage.flow_writer import FlowWriter, Pairs
from commonfate.storage.names import node_name
from commonfate.storage.quantize import NO_VALUE
from commonfate.storage.zarr_zip import LazyZip, PartWriter, blosc, join, part_attributes


class ZarrFlowWriter(FlowWriter):
    """Write a zip."""

    suffix = ".zip"

    def _part(self, video: str, gap: int) -> Path:
        return self._parts / node_name(video) / f"{gap}{self.suffix}"

    def _write(self, path: Path, pairs: Pairs) -> None:
        shape = (2, pairs.info.height, pairs.info.width)
        with PartWriter(
            path,
            shape,
            "int16",
            filters=[Delta2D()],
            compressors=[blosc(2)],
            fill_value=NO_VALUE,
            dimension_names=("pair", "component", "y", "x"),
        ) as part:
            for steps in pairs:
                part.append(steps)
            part.finish(pairs.info.attributes())

    def _describe(self, part: Path) -> dict[str, Any]:
        return part_attributes(part)

    def _finish(self, parts: dict[Path, FlowInfo]) -> None:
        groups = {"": self._index(parts), **{node_name(i.video): {} for i in parts.values()}}
        nodes = [(_node(info), part) for part, info in parts.items()]
        with replacing(self.path) as temporary:
            join(temporary, nodes, groups)


class ZarrFlowReader(FlowReader):
    """Read a zip."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._zip = LazyZip(self.path)

    def _load_index(self) -> dict[str, Any]:
        return self._zip[""].attrs.asdict()

    def _load(self, info: FlowInfo, position: int, what: str) -> np.ndarray:
        with reading(f"{self.path}: {what}", self.path):
            array = self._zip[_node(info)]
            if array.shape != (len(info.sources), 2, info.height, info.width):
                raise ValueError(f"the array is {array.shape}, not as the index says")
            return array[position]

    def _close(self) -> None:
        self._zip.close()


def _node(info: FlowInfo) -> str:
    return f"{node_name(info.video)}/{info.gap}"
