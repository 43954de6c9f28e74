"""State of videos on disk, from paths and metadata alone: faults of paths and names, and stamps.

No file is opened: a pipe would hang, and a plan looks at 100,000 files.
"""

import glob
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from commonfate.datasets.base import VideoSource
from commonfate.datasets.names import is_utf8, printable

_NOT_FILES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def file_fault(path: str | Path) -> str:
    """Reason why a path cannot be opened as a file; "" if it can."""
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116 - faster
    except FileNotFoundError:
        if Path(path).is_symlink():
            target = printable(str(Path(path).readlink()))
            return f"a broken link to {target}; fetch the file (git annex get, dvc pull)"
        return "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return f"{_NOT_FILES[kind]}, not a file" if kind in _NOT_FILES else ""


def nameable(source: VideoSource) -> VideoSource:
    """The same video; if its names are not UTF-8, with this as its fault and with printable names.

    Tables and stores hold text in UTF-8 only.
    """
    files = (*(source.frame_files or ()), *(source.annotation_files or ()))
    bad = [text for text in (source.id, source.path, *files) if not is_utf8(text)]
    if not bad:
        return source
    return replace(
        source,
        id=printable(source.id),
        path=printable(source.path),
        frame_files=None,
        annotation_files=None,
        annotation_kind="",
        fault=f"the name {printable(bad[-1])} is not UTF-8; rename it",
    )


def stamp(source: VideoSource) -> str:
    """Text that changes with a video on disk: names, sizes, times of frames and ground truth."""
    head = f"{source.split}|{source.path}|{source.annotation_kind}|{source.fault}"
    files = "|".join(map(_file_stamp, _files(source)))
    return f"{head}|{hashlib.sha256(encoded(files)).hexdigest() if source.frame_files else files}"


def _files(source: VideoSource) -> Iterator[str]:
    yield from source.frame_files or (source.path,)
    annotations = filter(None, source.annotation_files or ())
    if not source.annotation_kind.startswith("union"):
        yield from annotations
        return
    for pattern in annotations:
        yield from sorted(glob.glob(pattern))  # noqa: PTH207


def _file_stamp(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - faster
    except OSError:
        return f"{path}:-"
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"


def encoded(text: str) -> bytes:
    """Bytes of a text that may hold file names in any encoding."""
    return text.encode("utf-8", "surrogateescape")
