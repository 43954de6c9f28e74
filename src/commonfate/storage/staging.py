"""Encoded pairs on their way to a store: one append-only file for each part (a video and gap).

A record is a header (t, length, counts, the payload's CRC-32, the header's own CRC-32) and the
payload: the bytes of the pair in the store. The first record describes the part. A killed process,
a full disk or a power cut leaves an incomplete record at the end; the next run reads up to the last
complete record and continues from there.
"""

import json
import os
import struct
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from commonfate.base.errors import StoreError
from commonfate.storage.damage import crc32

HEADER = struct.Struct("<4sqQQQI")
"""Mark, t, length of the payload, saturated and invalid pixels, CRC-32 of the payload."""
CHECK = struct.Struct("<I")
PAIR = b"pair"
PART = b"part"


@dataclass(frozen=True)
class Record:
    """Position of a staged pair in its file, and its counts."""

    t: int
    offset: int
    length: int
    saturated: int
    invalid: int
    crc32: int


@dataclass(frozen=True)
class Staged:
    """Content of a staging file.

    Attributes:
        part: description of the part, as `PairFile` was given it.
        records: the complete ones, by t.
        end: position behind the last of them.
    """

    path: Path
    part: dict[str, Any]
    records: dict[int, Record]
    end: int

    def payloads(self, ts: Iterable[int]) -> Iterator[bytes]:
        """Read the payloads of frames t and check each.

        Raises:
            StoreError: a payload is damaged.
        """
        with self.path.open("rb") as file:
            for t in ts:
                record = self.records[t]
                file.seek(record.offset)
                payload = file.read(record.length)
                if len(payload) < record.length or crc32(payload) != record.crc32:
                    raise StoreError(
                        f"{self.path}: the staged frame {t} is damaged; "
                        f"delete {self.path} and run the same command again"
                    )
                yield payload


def scan(path: Path, verify: bool = True) -> Staged | None:
    """Read the records of a staging file up to the first incomplete one.

    Args:
        path: the file.
        verify: read the payloads too and compare their checksums.

    Returns:
        None if there is no file, or its first record is incomplete.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        size = os.fstat(file.fileno()).st_size
        first = _header(file, PART)
        if first is None:
            return None
        part = file.read(first.length)
        if len(part) < first.length or crc32(part) != first.crc32:
            return None
        records, end = {}, file.tell()
        while (record := _header(file, PAIR)) and record.offset + record.length <= size:
            if verify and crc32(file.read(record.length)) != record.crc32:
                break
            end = file.seek(record.offset + record.length)
            records[record.t] = record
    return Staged(path, json.loads(part), records, end)


def _header(file: BinaryIO, mark: bytes) -> Record | None:
    data = file.read(HEADER.size + CHECK.size)
    if len(data) < HEADER.size + CHECK.size:
        return None
    if CHECK.unpack_from(data, HEADER.size)[0] != crc32(data[: HEADER.size]):
        return None
    its_mark, t, length, saturated, invalid, checksum = HEADER.unpack_from(data)
    if its_mark != mark:
        return None
    return Record(t, file.tell(), length, saturated, invalid, checksum)


class PairFile:
    """Begin a staging file, or continue it, and append pairs. Thread-safe.

    One process at a time writes a file; it is closed between the calls.

    Args:
        path: the file.
        part: description of the part, as JSON can hold it. A file of another part is begun again.
    """

    def __init__(self, path: Path, part: dict[str, Any]) -> None:
        self.path = path
        self._lock = threading.Lock()
        staged = scan(path)
        if staged is None or staged.part != part:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            self._staged: set[int] = set()
            self._end = 0
            self._append(PART, -1, json.dumps(part, sort_keys=True).encode(), 0, 0)
            return
        self._staged, self._end = set(staged.records), staged.end
        if path.stat().st_size > staged.end:
            os.truncate(path, staged.end)

    def __contains__(self, t: int) -> bool:
        return t in self._staged

    def __len__(self) -> int:
        return len(self._staged)

    def append(self, t: int, payload: bytes, saturated: int, invalid: int) -> None:
        """Add a pair.

        Args:
            t: its frame; not in the file yet.
            payload: encoded pair.
            saturated, invalid: numbers of such pixels.

        Raises:
            OSError: the pair could not be written, e.g. the disk is full; no part of it is left.
            ValueError: the file has the pair already.
        """
        with self._lock:
            if t in self._staged:
                raise ValueError(f"{self.path}: frame {t} is written twice")
            self._append(PAIR, t, payload, saturated, invalid)
            self._staged.add(t)

    def _append(self, mark: bytes, t: int, payload: bytes, saturated: int, invalid: int) -> None:
        header = HEADER.pack(mark, t, len(payload), saturated, invalid, crc32(payload))
        try:
            with self.path.open("rb+") as file:
                file.seek(self._end)
                file.write(header + CHECK.pack(crc32(header)))
                file.write(payload)
        except OSError:
            os.truncate(self.path, self._end)
            raise
        self._end += len(header) + CHECK.size + len(payload)
