"""The content of frames read in place: a digest of their bytes, and a cheap sign of change.

Bytes are read once, when `commonfate frames` looks at the files; after that sizes and times tell
which of them must be read again.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Content:
    """What some files held.

    Attributes:
        sha256: hash of the hashes of their bytes, in order.
        state: hash of their sizes and times of change.
    """

    sha256: str
    state: str


def read(files: Iterable[str | Path]) -> Content:
    """Hash files.

    Raises:
        OSError: one cannot be read.
    """
    digests, states = hashlib.sha256(), []
    for path in files:
        with Path(path).open("rb") as file:
            states.append(_state(os.fstat(file.fileno())))
            digests.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return Content(digests.hexdigest(), _hash(states))


def state(files: Iterable[str | Path]) -> str:
    """Hash of sizes and times of change, as `Content` has it; a missing file has none."""
    return _hash([_state_of(Path(path)) for path in files])


def _state_of(path: Path) -> list[int]:
    try:
        return _state(path.stat())
    except OSError:
        return []


def _state(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns]


def _hash(states: list[list[int]]) -> str:
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()
