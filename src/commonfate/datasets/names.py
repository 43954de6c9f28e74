"""Identifiers made from paths: unique, and safe as file names everywhere."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

_LONGEST = 120  # leaves room for what is appended within the 255 bytes of a file name


def identifiers(paths: Sequence[PurePath], suffixes: Sequence[str]) -> list[str]:
    """Name each video after its path, as shortly as is unique.

    The name is the path without its suffix; with the suffix where that is not unique (`cat.mp4`
    beside `cat.avi`); else with a hash of the path. Case does not tell names apart, since some
    file systems ignore it.

    Args:
        paths: different relative paths.
        suffixes: what to leave out at the end of each, "" for folders.

    Returns:
        One name a path, of letters, digits, `_`, `.` and `-`; independent of the order.
    """
    texts = [path.as_posix() for path in paths]
    forms = (
        [_safe(text.removesuffix(suffix)) for text, suffix in zip(texts, suffixes, strict=True)],
        [_safe(text) for text in texts],
        [f"{_safe(text)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}" for text in texts],
    )
    names = forms[0]
    for longer in forms[1:]:
        uses = Counter(name.lower() for name in names)
        names = [longer[i] if uses[name.lower()] > 1 else name for i, name in enumerate(names)]
    return names


def _safe(text: str) -> str:
    """Folders become `__`; the first character is no dot (hidden) and no hyphen (an option)."""
    text = re.sub(r"[^A-Za-z0-9_.-]", "_", text.replace("/", "__"))
    return re.sub(r"^[-.]", "_", text)[:_LONGEST]
