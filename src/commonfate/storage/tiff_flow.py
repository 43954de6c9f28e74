"""Flow as TIFF: `{gap}/{video}.tiff` in one folder a shard, one page a pair.

There are two layouts. `packed`: one int32 sample a pixel, as FlowDINO (see `packed_int32`).
`planar`: two int16 samples, u then v. Both use the horizontal predictor and deflate: on DAVIS flow
planar pages are 10.6 times smaller than float32 at 14 ms to encode and 1.8 ms to decode, against
10.1, 5 ms and 2.8 ms with zstd, which fewer programs read. The description of the first page is
JSON with the attributes of the file and a checksum of each page's int16 values. Pages are
compressed as pairs come, in the writing threads, and put together to files at the end.
"""

import shutil
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from commonfate.base.files import replacing, write_text
from commonfate.storage import packed_int32
from commonfate.storage.damage import crc32, reading, seal, unseal
from commonfate.storage.flow_info import FlowInfo
from commonfate.storage.flow_part import StagedPart
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.flow_writer import FlowWriter
from commonfate.storage.quantize import NO_VALUE
from commonfate.storage.store import node_name

INDEX = "store.json"
DEFLATE_LEVEL = 4
CLASSIC_LIMIT = 2**32 - 2**25
"""Size of all pages up to which offsets fit 32 bits, with room for the directories of pages."""
OPEN_FILES = 8
"""Files that a reader keeps open. A loader may hold tens of readers, a process open 1024 files."""


class TiffFlowWriter(FlowWriter):
    """Write a folder of TIFF files."""

    @staticmethod
    def _is_store(folder: Path) -> bool:
        return (folder / INDEX).is_file()

    def _encode(self, steps: np.ndarray) -> bytes:
        """Checksum, lengths of the strips, and the strips of a page: one, or one a component."""
        samples = packed_int32.pack(steps)[None] if self.encoding == "packed" else steps
        strips = [
            imagecodecs.deflate_encode(imagecodecs.delta_encode(plane, axis=-1), DEFLATE_LEVEL)
            for plane in samples
        ]
        lengths = [len(strip) for strip in strips]
        return struct.pack(f"<{1 + len(strips)}I", checksum(steps), *lengths) + b"".join(strips)

    def _finish(self, parts: list[StagedPart]) -> None:
        folder = self._stage / "store"
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was killed here
        folder.mkdir()
        for part in parts:
            path = _path(folder, part.info)
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                self._write(temporary, part)
        write_text(folder / INDEX, seal(self._index(parts)) + "\n")
        if self.path.exists():
            self.path.rename(self._stage / "replaced")
        folder.rename(self.path)

    def _write(self, path: Path, part: StagedPart) -> None:
        info = part.info
        checksums: list[int] = []
        with tifffile.TiffWriter(path, bigtiff=needs_bigtiff(info), byteorder="<") as file:
            # The checksums are known at the end; until then blanks take their place.
            blank = " " * len(self._description(part, len(info.sources) * [0]))
            for payload in part.staged.payloads(info.sources):
                check, strips = self._strips(payload)
                self._write_page(file, info, strips, None if checksums else blank)
                checksums.append(check)
            if not checksums:  # a TIFF has at least one page
                nothing = np.full((2, info.height, info.width), NO_VALUE, np.int16)
                self._write_page(file, info, self._strips(self._encode(nothing))[1], blank)
        text = self._description(part, checksums)
        with tifffile.TiffFile(path, mode="r+") as file:
            file.pages.first.tags["ImageDescription"].overwrite(text.ljust(len(blank)))

    def _strips(self, payload: bytes) -> tuple[int, list[bytes]]:
        """Checksum and strips of a page; undoes `_encode`."""
        count = 1 if self.encoding == "packed" else 2
        check, *lengths = struct.unpack_from(f"<{1 + count}I", payload)
        strips, start = [], 4 * (1 + count)
        for length in lengths:
            strips.append(payload[start : start + length])
            start += length
        return check, strips

    def _write_page(
        self, file: tifffile.TiffWriter, info: FlowInfo, strips: list[bytes], text: str | None
    ) -> None:
        packed = self.encoding == "packed"
        file.write(
            iter(strips),
            shape=(info.height, info.width) if packed else (2, info.height, info.width),
            dtype=np.int32 if packed else np.int16,
            planarconfig=None if packed else "separate",
            photometric="minisblack",
            predictor=True,
            compression="zlib",
            rowsperstrip=info.height,
            description=text,
            metadata=None,
            software=False,
        )

    def _description(self, part: StagedPart, checksums: list[int]) -> str:
        sums = [f"{value:08x}" for value in checksums]
        return seal({**part.attributes(), "layout": self.encoding, "crc32_of_int16": sums})


class TiffFlowReader(FlowReader):
    """Read a folder of TIFF files."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._open: dict[Path, tuple[tifffile.TiffFile, dict[str, Any]]] = {}

    def _load_index(self) -> dict[str, Any]:
        return unseal((self.path / INDEX).read_bytes())

    def _close(self) -> None:
        for file, _ in self._open.values():
            file.close()
        self._open.clear()

    def _load(self, info: FlowInfo, position: int, item: str) -> np.ndarray:
        path = _path(self.path, info)
        with reading(f"{path}: {item}", self.path):
            file, description = self._file(path)
            if FlowInfo.from_attributes(description) != info:
                raise ValueError("it holds other flow than the folder's index says")
            page = file.pages[position]
            packed = description["layout"] == "packed"
            shape = (info.height, info.width) if packed else (2, info.height, info.width)
            # Checked before decoding: a damaged size may need more memory than there is.
            if page.shape != shape or page.dtype != (np.int32 if packed else np.int16):
                raise ValueError(f"the page is {page.shape} {page.dtype}")
            samples = page.asarray(maxworkers=1)
            steps = packed_int32.unpack(samples) if packed else samples
            if f"{checksum(steps):08x}" != description["crc32_of_int16"][position]:
                raise ValueError("the checksum of the page does not match")
            return steps

    def _load_counts(self, info: FlowInfo) -> dict[str, Any]:
        path = _path(self.path, info)
        with reading(f"{path}: counts of {info}", self.path):
            return self._file(path)[1]

    def _file(self, path: Path) -> tuple[tifffile.TiffFile, dict[str, Any]]:
        if path not in self._open:
            if len(self._open) >= OPEN_FILES:
                oldest, _ = self._open.pop(next(iter(self._open)))
                oldest.close()
            file = tifffile.TiffFile(path)
            self._open[path] = (file, unseal(file.pages.first.description))
        return self._open[path]


def _path(folder: Path, info: FlowInfo) -> Path:
    return folder / str(info.gap) / f"{node_name(info.video)}.tiff"


def checksum(steps: np.ndarray) -> int:
    """CRC-32 of (2, H, W) int16 as little-endian bytes, independent of the page's layout."""
    return crc32(np.ascontiguousarray(steps, dtype="<i2"))


def needs_bigtiff(info: FlowInfo) -> bool:
    """True if the pages, uncompressed, might not fit the 32-bit offsets of classic TIFF."""
    return len(info.sources) * info.height * info.width * 4 > CLASSIC_LIMIT
