"""What the operating system refuses (no room, no permission, ...), in one line of advice.

Errors of the system pass through the code as OSError, so that none is taken for a bad video; where
a verb or a process ends, `as_user_error` says them. `naming` gives them the name of the product.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from commonfate.base.errors import UserError

AGAIN = "run the same command again: what is finished is kept"
PERMISSION = f"change its permissions or its folder's, or choose another place, then {AGAIN}"
REFUSALS = {
    errno.ENOSPC: ("the disk is full", f"make room or choose another place, then {AGAIN}"),
    errno.EDQUOT: ("the quota of disk space is used up", f"make room, then {AGAIN}"),
    errno.EFBIG: ("larger than files may be here", "see ulimit -f, or choose another disk"),
    errno.EROFS: ("the file system is read-only", "choose another place, or have it writable"),
    errno.EACCES: ("no permission", PERMISSION),
    errno.EPERM: ("no permission", PERMISSION),
    errno.ENOTDIR: ("below something that is no folder", "choose another name"),
    errno.EISDIR: ("is a folder", "a file is needed: choose another name, or remove the folder"),
    errno.ENAMETOOLONG: ("a longer name than files may have", "choose a shorter one"),
    errno.ELOOP: ("links that lead in a circle", "remove them"),
    errno.EIO: ("the disk fails", "look at it (dmesg), or choose another"),
    errno.ESTALE: ("the network file system lost the file", AGAIN),
    errno.EMFILE: ("too many files are open", "allow more of them, e.g. ulimit -n 65536"),
    errno.ENFILE: ("too many files are open on this machine", AGAIN),
}
"""By number of the error: what is wrong, and what to do."""

TRIAL_BYTES = 2**16


def as_user_error(error: BaseException) -> UserError | None:
    """One line for an error that the operating system is behind; None where it is not.

    Libraries hide such errors: what an error was raised from counts, and so does the system's own
    text in its last line.

    Args:
        error: as it was caught.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, UnicodeEncodeError) and link.encoding == "utf-8":
            return UserError(f"{_line(link)}: this name is not UTF-8; choose one that is")
        number, name = _of(link)
        if number in REFUSALS:
            reason, advice = REFUSALS[number]
            place = f"{name}: " if name else ""
            return UserError(f"{place}{reason} ({os.strerror(number)}); {advice}")
        link = link.__cause__ or link.__context__
    return None


def _line(error: UnicodeEncodeError) -> str:
    r"""The line that could not be encoded, with its bytes written out: `caf\xe9.mp4`."""
    start = error.object.rfind("\n", 0, error.start) + 1
    line = error.object[start:].partition("\n")[0]
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _of(error: BaseException) -> tuple[int | None, str | None]:
    """Number and file of an error."""
    name = getattr(error, "filename", None)
    if isinstance(error, FileExistsError) and name and not Path(os.fsdecode(name)).is_dir():
        return errno.ENOTDIR, os.fsdecode(name)  # of making a folder where a file lies
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno, os.fsdecode(name) if isinstance(name, str | bytes) else None
    last = (str(error).strip().splitlines() or [""])[-1]
    for number in REFUSALS:
        # As Python, Rust (safetensors) and C++ (torch, Arrow) write it.
        if re.search(rf"\[errno {number}\]|\(os error {number}\)", last, re.IGNORECASE) or (
            os.strerror(number) in last and not isinstance(error, UserError)
        ):
            quoted = re.search(r": '([^']+)'$", last)
            return number, quoted[1] if quoted else None
    return None, None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let the system's errors name `path` where they name no file, or a hidden one of it.

    Some libraries raise errors that say nothing (torch: "unexpected pos 64 vs 0"); of those a
    trial tells whether `path` can be written.

    Args:
        path: what is being made.

    Raises:
        OSError: with the name of `path`, from the error that came.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.errno is None and (refused := _trial(path)):
            raise refused from error
        if error.errno is not None and _is_hidden(error.filename, path):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    except Exception as error:
        if refused := _trial(path):
            raise refused from error
        raise


def _is_hidden(name: object, path: Path) -> bool:
    if not isinstance(name, str | bytes):
        return name is None
    return os.fsdecode(name).startswith(str(path.with_name(f".{path.name}.")))


def check(folder: Path) -> None:
    """Refuse a folder in which nothing can be written.

    Raises:
        UserError: the line that says so.
    """
    if refused := _trial(folder / "trial"):
        refused.filename = str(folder)
        raise as_user_error(refused) or refused


def _trial(path: Path) -> OSError | None:
    """The error of writing a little beside `path`; None where that works."""
    trial = path.with_name(f".{path.name}.{os.getpid()}.trial")
    try:
        with trial.open("wb") as file:
            file.write(bytes(TRIAL_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    finally:
        with suppress(OSError):
            trial.unlink()
    return None
