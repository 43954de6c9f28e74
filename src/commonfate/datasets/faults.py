"""Reasons why a path cannot be opened as a file, found without opening it: a pipe would hang."""

import os
import stat
from dataclasses import replace
from pathlib import Path

from commonfate.datasets.base import VideoSource
from commonfate.datasets.names import is_utf8, printable

_NO_FILES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def of_file(path: str | Path) -> str:
    """Why a path is no file that can be opened; "" where it is one."""
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116 - a plan looks at 100,000
    except FileNotFoundError:
        if Path(path).is_symlink():
            target = printable(str(Path(path).readlink()))
            return f"a broken link to {target}; fetch the file (git annex get, dvc pull)"
        return "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return f"{_NO_FILES[kind]}, not a file" if kind in _NO_FILES else ""


def nameable(source: VideoSource) -> VideoSource:
    """The same video, or, where names are not UTF-8, one with this fault and readable names.

    Tables and stores are UTF-8: they cannot hold such names.
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
