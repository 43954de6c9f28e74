"""What a store says when it cannot give what it is asked for, and checksums for JSON."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commonfate.base.errors import StoreError, did_you_mean


@contextmanager
def reading(what: str, remove: Path) -> Iterator[None]:
    """Turn whatever damaged bytes make a parser raise into one line that says what to do.

    Args:
        what: the file and what is read from it.
        remove: the product to delete, so that the next run makes it anew.
    """
    try:
        yield
    except (StoreError, MemoryError, PermissionError):  # deleting would not help
        raise
    except Exception as error:  # a flipped byte can raise nearly anything; the cause is kept
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        raise StoreError(
            f"{what} cannot be read ({detail}); delete {remove} and run the same command again"
        ) from error


def missing(path: Path, verb: str) -> StoreError:
    """The error for a store that is not there."""
    return StoreError(
        f"{path}: no such file or folder; make it with `commonfate {verb}`, or run the workflow's "
        "command again"
    )


def unknown(path: Path, what: str, asked: Any, known: Iterable[Any]) -> StoreError:
    """The error for something that the store does not hold.

    Args:
        path: the store.
        what: what is asked for, e.g. `video 'bear'`.
        asked: the name or number that is not there.
        known: the names or numbers that are.
    """
    names = [str(name) for name in known]
    shown = ", ".join(names[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
    near = did_you_mean(asked, names) if isinstance(asked, str) else ""
    return StoreError(
        f"{path}: holds no {what}{near}; it holds {shown or 'none'}; "
        f"if it should be there, delete {path} and run the same command again"
    )


def seal(content: Any) -> str:
    """JSON with a checksum of its content."""
    return json.dumps({"content": content, "crc32": _checksum(content)}, sort_keys=True)


def unseal(text: str | bytes) -> Any:
    """The content of `seal`.

    Raises:
        ValueError: the text is not JSON, or its checksum does not match.
    """
    sealed = json.loads(text)
    if not isinstance(sealed, dict) or sealed.keys() != {"content", "crc32"}:
        raise ValueError("not sealed JSON")
    if _checksum(sealed["content"]) != sealed["crc32"]:
        raise ValueError("the checksum of the metadata does not match")
    return sealed["content"]


def _checksum(content: Any) -> str:
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
