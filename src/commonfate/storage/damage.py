"""Damage of files: checksums that show it, and errors of one line that say what to do."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import google_crc32c
import imagecodecs
import numpy as np

from commonfate.base.errors import StoreError, did_you_mean

Bytes = bytes | memoryview | np.ndarray


def crc32(data: Bytes) -> int:
    """CRC-32 as zip and gzip use it: equal to `zlib.crc32`, but several times as fast."""
    return imagecodecs.deflate_crc32(cast(bytes, data))  # takes any buffer; the stub names three


def crc32c(data: Bytes) -> int:
    """CRC-32C, as Zarr's codec `crc32c` uses it."""
    return google_crc32c.value(data)


def seal(content: Any) -> str:
    """JSON with a checksum of its content."""
    return json.dumps({"content": content, "crc32": _checksum(content)}, sort_keys=True)


def unseal(text: str | bytes) -> Any:
    """Undo `seal`.

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


@contextmanager
def reading(description: str, remove: Path) -> Iterator[None]:
    """Turn any error of a parser that meets damaged bytes of a store into a `StoreError`.

    Args:
        description: the file and the part of it that is read, for the message.
        remove: the product to delete, so that the next run makes it again.
    """
    try:
        yield
    except (StoreError, MemoryError, PermissionError):  # deleting would not help
        raise
    except Exception as error:  # a flipped byte can raise nearly anything; the cause is kept
        raise StoreError(
            f"{description} cannot be read ({_detail(error)}); "
            f"delete {remove} and run the same command again"
        ) from error


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn any error of a decoder that meets damaged bytes of a foreign file into a `StoreError`.

    Args:
        path: the file.
        kind: format that the file is read as, e.g. `KITTI flow`.
    """
    try:
        yield
    except (StoreError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise broken(path, "no such file", "check the name") from error
    except Exception as error:  # damaged bytes can raise nearly anything; the cause is kept
        raise broken(path, f"cannot be read as {kind} ({_detail(error)})") from error


def _detail(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def broken(path: Path, problem: str, advice: str = "copy or make the file again") -> StoreError:
    """Error for a foreign file that does not hold what its format demands.

    Args:
        path: the file.
        problem: e.g. `ends after 20 of 80 bytes`.
        advice: remedy.
    """
    return StoreError(f"{path}: {problem}; {advice}")


def missing(path: Path, verb: str) -> StoreError:
    """Error for a store that is not there; `commonfate {verb}` makes such stores."""
    return StoreError(
        f"{path}: no such file or folder; make it with `commonfate {verb}`, or run the workflow's "
        "command again"
    )


def unknown(path: Path, item: str, name: Any, names: Iterable[Any]) -> StoreError:
    """Error for something that a store does not hold.

    Args:
        path: the store.
        item: description of the thing, e.g. `video 'bear'`.
        name: the name or number that is not there.
        names: the names or numbers that are.
    """
    held = [str(other) for other in names]
    shown = ", ".join(held[:8]) + (f", ... ({len(held)} in all)" if len(held) > 8 else "")
    near = did_you_mean(name, held) if isinstance(name, str) else ""
    return StoreError(
        f"{path}: holds no {item}{near}; it holds {shown or 'none'}; "
        f"if it should be there, delete {path} and run the same command again"
    )
