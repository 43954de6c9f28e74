"""Identifiers made from paths: unique, and safe as file names everywhere."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_LONGEST = 120  # bytes; the rest of the 255 of a file name is for endings


def identifiers(paths: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Name each video after its path, as shortly as is unique.

    The name is the path without its suffix; with the suffix where that is not unique (`cat.mp4`
    beside `cat.avi`); else with a hash of the path. Names that differ in case alone count as
    equal, since some file systems ignore case.

    Args:
        paths: different relative paths, with slashes; they may hold bytes that are not UTF-8, as
            `os.fsdecode` gives them.
        suffixes: of the paths, "" for folders.

    Returns:
        One name a path, of letters and digits of any script (composed: NFC), `_`, `.` and `-`;
        independent of the order.
    """
    names = [_safe(path.removesuffix(suffix)) for path, suffix in zip(paths, suffixes, strict=True)]
    for longer in (_safe, _hashed):
        for n in _alike(names):
            names[n] = longer(paths[n])
    return names


def distinct(names: Sequence[str], paths: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Replace equal names of videos by longer ones.

    `clip` and `clip`, of `a/clip.mp4` and `b/clip.mp4`, become `a__clip` and `b__clip`.

    Args:
        names: of all videos.
        paths: absolute, all different.
        suffixes: as of `identifiers`.
    """
    alike = _alike(names)
    if not alike:
        return list(names)
    top = os.path.commonpath([os.path.dirname(paths[n]) for n in alike])  # noqa: PTH120 - texts
    longer = identifiers(
        [os.path.relpath(paths[n], top) for n in alike], [suffixes[n] for n in alike]
    )
    result = list(names)
    for n, name in zip(alike, longer, strict=True):
        result[n] = name
    for n in _alike(result):
        result[n] = _hashed(paths[n])
    return result


def _alike(names: Sequence[str]) -> list[int]:
    """Positions of the names that occur more than once, ignoring case."""
    uses = Counter(name.casefold() for name in names)
    return [n for n, name in enumerate(names) if uses[name.casefold()] > 1]


def is_utf8(text: str) -> bool:
    """True if a name is valid UTF-8, as Parquet and Zarr demand."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    r"""A name with its bytes that are not UTF-8 written out: `caf\xe9.mp4`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_safe(text)}-{digest[:8]}"


def _safe(text: str) -> str:
    """Folders become `__`; the first character is no dot (hidden) and no hyphen (an option)."""
    text = text.replace("/", "__")
    if text.isascii():
        return _start(re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:_LONGEST])
    composed = unicodedata.normalize("NFC", text)
    text = "".join(letter if _is_allowed(letter) else "_" for letter in composed)
    return _start(text.encode()[:_LONGEST].decode(errors="ignore"))


def _start(text: str) -> str:
    return re.sub(r"^[-.]", "_", text)


def _is_allowed(letter: str) -> bool:
    """Letters, the marks that some scripts put beside them, and digits."""
    return letter in "_.-" or unicodedata.category(letter)[0] in "LMN"
