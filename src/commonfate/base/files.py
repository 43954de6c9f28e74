"""Whole files only: every product is written under a temporary name and renamed when complete.

The temporary name holds the host and the process, so a process that outlives a killed Snakemake
never shares a file with its successor. The next writer removes files of dead processes: those of
this host at once; those of other hosts, whose processes cannot be seen from here, after
`FORGOTTEN_S`.
"""

import glob
import hashlib
import json
import logging
import os
import shutil
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from commonfate.base.errors import ConfigError, naming

log = logging.getLogger(__name__)
FORGOTTEN_S = 7 * 24 * 3600.0
"""A file that was not touched for a week belongs to no running process."""


def _temporary_name(path: Path) -> Path:
    """Name under which `path` is written until it is complete, in the same folder."""
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of `path` whose process is dead."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        host, _, pid = left.name[len(path.name) + 2 : -len(".tmp")].rpartition(".")
        if pid.isdigit() and _is_left(left, host, int(pid)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_left(temporary: Path, host: str, pid: int) -> bool:
    """True if the process that wrote a temporary file is gone; its number may be in use again."""
    if host == socket.gethostname():
        return pid == os.getpid() or not _alive(pid)
    try:
        return time.time() - temporary.stat().st_mtime > FORGOTTEN_S
    except FileNotFoundError:  # its process has finished meanwhile
        return False


def lock_of(path: Path) -> Path:
    """File whose lock is the right to write `path`."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def exclusive(path: str | Path, lock: Path | None = None) -> Iterator[bool]:
    """Hold the right to write `path`; wait, and say so, while another process holds it.

    Every verb that writes several files in one step takes the lock. The lock is the operating
    system's: it ends with the process, also after kill -9.

    Args:
        path: the product to write.
        lock: the lock's file; None is a hidden one beside `path`.

    Yields:
        True if another process held the lock before; then the work may already be done.
    """
    from filelock import FileLock, Timeout

    path = Path(path)
    lock = lock or lock_of(path)
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    with naming(path):
        try:
            held.acquire(blocking=False)
            waited = False
        except Timeout:
            log.info("%s: another process is at work on it; waiting until it ends", path)
            held.acquire()
            waited = True
        try:
            yield waited
        finally:
            held.release()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; on success flush it to disk and rename it to `path`.

    On an exception the temporary file is removed and `path` is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = _temporary_name(path)
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):  # a read-only file system refuses even if there is no file
            temporary.unlink()


@contextmanager
def replacing_directory(path: str | Path) -> Iterator[Path]:
    """Yield an empty temporary folder; on success it takes the place of `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = _temporary_name(path)
    try:
        with naming(path):
            temporary.mkdir()
            yield temporary
            if path.exists():
                shutil.rmtree(path)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON in one step, with sorted keys so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the hashes and names of all files of a folder (a TIFF store)."""
    if not path.is_dir():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "".join(f"{sha256(file)} {file.relative_to(path)}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def check_zip(path: str | Path) -> None:
    """Compare every byte of a zip with its checksums, which torch does not do when it reads one.

    Raises:
        zipfile.BadZipFile: some byte differs, or the file is no zip.
        OSError: the file cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"checksum of {damaged}")


def check_replaceable(folder: Path, mark: Path, key: str) -> None:
    """Refuse to replace a folder that this program did not make.

    Args:
        folder: about to be replaced; may be missing or empty.
        mark: JSON file that is written with such a folder.
        key: a key of this file.

    Raises:
        ConfigError: the folder has files, and the mark is missing or another file.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        if key in json.loads(mark.read_text(encoding="utf-8")):
            return
    except (OSError, ValueError, TypeError):
        pass
    raise ConfigError(
        f"{folder}: is there already and would be replaced, but {mark} does not show that "
        f"commonfate made it; delete it yourself or choose another --output"
    )
