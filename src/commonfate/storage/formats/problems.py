"""What readers of foreign files say: one line that names the file, what is wrong and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commonfate.base.errors import StoreError


def broken(path: Path, what: str, do: str = "copy or make the file again") -> StoreError:
    """The error for a file that does not hold what it should.

    Args:
        path: the file.
        what: what is wrong with it, e.g. `ends after 20 of 80 bytes`.
        do: what helps.
    """
    return StoreError(f"{path}: {what}; {do}")


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever damaged bytes make a decoder raise into one line.

    Args:
        path: the file.
        kind: what it is read as, e.g. `KITTI flow`.
    """
    try:
        yield
    except (StoreError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise broken(path, "no such file", "check the name") from error
    except Exception as error:  # damaged bytes can raise nearly anything; the cause is kept
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        raise broken(path, f"cannot be read as {kind} ({detail})") from error
