"""Encoded pairs that wait to become a store: one append-only file a part (a video and gap).

A record is a header (t, length, counts, the payload's CRC-32, the header's own CRC-32) and the
payload, the pair's bytes as the store will hold them. The first record says what the part is.
What a killed process, a full disk or a power cut leaves is a torn tail: the next run reads up to
the last whole record and writes on from there.
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
MARK = b"pair"
FACTS = b"part"


@dataclass(frozen=True)
class Record:
    """Where a staged pair lies, and what was counted in it."""

    t: int
    offset: int
    length: int
    saturated: int
    invalid: int
    crc32: int


@dataclass(frozen=True)
class Staged:
    """What a staging file holds.

    Attributes:
        facts: what the part is, as `PairFile` was given it.
        records: the whole ones, by t.
        end: position behind the last of them.
    """

    path: Path
    facts: dict[str, Any]
    records: dict[int, Record]
    end: int

    def payloads(self, ts: Iterable[int]) -> Iterator[bytes]:
        """The payloads of frames t, each checked.

        Raises:
            StoreError: one is damaged.
        """
        with self.path.open("rb") as file:
            for t in ts:
                record = self.records[t]
                file.seek(record.offset)
                payload = file.read(record.length)
                if len(payload) < record.length or crc32(payload) != record.crc32:
                    raise StoreError(
                        f"{self.path}: the staged flow of frame {t} is damaged; "
                        f"delete {self.path} and run the same command again"
                    )
                yield payload


def scan(path: Path, verify: bool = True) -> Staged | None:
    """Read the records of a staging file up to the first that is not whole.

    Args:
        path: the file.
        verify: read the payloads too and compare their checksums.

    Returns:
        None where there is no file, or not even its first record.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        size = os.fstat(file.fileno()).st_size
        first = _header(file, FACTS)
        if first is None:
            return None
        facts = file.read(first.length)
        if len(facts) < first.length or crc32(facts) != first.crc32:
            return None
        records, end = {}, file.tell()
        while (record := _header(file, MARK)) and record.offset + record.length <= size:
            if verify and crc32(file.read(record.length)) != record.crc32:
                break
            end = file.seek(record.offset + record.length)
            records[record.t] = record
    return Staged(path, json.loads(facts), records, end)


def _header(file: BinaryIO, mark: bytes) -> Record | None:
    data = file.read(HEADER.size + CHECK.size)
    if len(data) < HEADER.size + CHECK.size:
        return None
    if CHECK.unpack_from(data, HEADER.size)[0] != crc32(data[: HEADER.size]):
        return None
    found, t, length, saturated, invalid, checksum = HEADER.unpack_from(data)
    if found != mark:
        return None
    return Record(t, file.tell(), length, saturated, invalid, checksum)


class PairFile:
    """Append pairs to a staging file: begins it, or goes on with it. Thread-safe.

    One process at a time writes a file; nothing is open between the calls.

    Args:
        path: the file.
        facts: what the part is, as JSON can hold it. A file that says otherwise is begun anew.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self._lock = threading.Lock()
        staged = scan(path)
        if staged is None or staged.facts != facts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            self._staged: set[int] = set()
            self._end = 0
            self._append(FACTS, -1, json.dumps(facts, sort_keys=True).encode(), 0, 0)
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
            payload: its bytes.
            saturated, invalid: pixels of it.

        Raises:
            OSError: it could not be written, e.g. the disk is full; nothing of it stays.
            ValueError: the file has it already.
        """
        with self._lock:
            if t in self._staged:
                raise ValueError(f"{self.path}: frame {t} is written twice")
            self._append(MARK, t, payload, saturated, invalid)
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
