"""Errors that a user can act on: one line each, never a traceback.

Errors of the operating system (no room, no permission, ...) pass through the code as OSError, so
that none is taken for a bad video. `naming` gives them the name of the product; where a verb or a
process ends, `as_user_error` turns them into a line with advice.
"""

import difflib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class UserError(Exception):
    """Something outside the program is wrong; the message says where, what, and what to do."""


class ConfigError(UserError, ValueError):
    """A value in the configuration or on the command line is not allowed."""


class StoreError(UserError, OSError):
    """A file that holds data is missing, damaged or of another format than expected."""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean X?` with the candidate nearest to `word`, or "" if none is near."""
    names = [str(candidate) for candidate in candidates]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


AGAIN = "run the same command again: what is finished is kept"
PERMISSION = f"change its permissions or its folder's, or choose another place, then {AGAIN}"
SYSTEM_ERRORS = {
    errno.ENOSPC: ("the disk is full", f"make room or choose another place, then {AGAIN}"),
    errno.EDQUOT: ("the quota of disk space is used up", f"make room, then {AGAIN}"),
    errno.EFBIG: ("larger than files may be here", "see ulimit -f, or choose another disk"),
    errno.EROFS: (
        "the file system is read-only",
        "choose another place, or ask for write access",
    ),
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
"""Problem and advice, by error number."""

_TRIAL_BYTES = 2**16


def as_user_error(error: BaseException) -> UserError | None:
    """Turn an error of the operating system into one line with advice; None for other errors.

    Libraries hide such errors: the errors that `error` was raised from are searched, too, and so is
    the last line of its text, for the system's own words.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, UnicodeEncodeError) and link.encoding == "utf-8":
            return UserError(f"{_line(link)}: this name is not UTF-8; choose one that is")
        number, name = _number_and_file(link)
        if number in SYSTEM_ERRORS:
            reason, advice = SYSTEM_ERRORS[number]
            place = f"{name}: " if name else ""
            return UserError(f"{place}{reason} ({os.strerror(number)}); {advice}")
        link = link.__cause__ or link.__context__
    return None


def _line(error: UnicodeEncodeError) -> str:
    r"""The line that could not be encoded, with its bytes escaped: `caf\xe9.mp4`."""
    start = error.object.rfind("\n", 0, error.start) + 1
    line = error.object[start:].partition("\n")[0]
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _number_and_file(error: BaseException) -> tuple[int | None, str | None]:
    """Error number and file of an error; None for what is unknown."""
    name = getattr(error, "filename", None)
    if isinstance(error, FileExistsError) and name and not Path(os.fsdecode(name)).is_dir():
        return errno.ENOTDIR, os.fsdecode(name)  # a folder was to be made where a file lies
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno, os.fsdecode(name) if isinstance(name, str | bytes) else None
    last = (str(error).strip().splitlines() or [""])[-1]
    for number in SYSTEM_ERRORS:
        # As Python, Rust (safetensors) and C++ (torch, Arrow) write it.
        if re.search(rf"\[errno {number}\]|\(os error {number}\)", last, re.IGNORECASE) or (
            os.strerror(number) in last and not isinstance(error, UserError)
        ):
            quoted = re.search(r": '([^']+)'$", last)
            return number, quoted[1] if quoted else None
    return None, None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give the system's errors the name of `path` if they name no file, or a hidden one beside it.

    Some libraries raise errors that name no cause (torch: "unexpected pos 64 vs 0"); then a trial
    shows whether `path` can be written.

    Args:
        path: the product that is written in the block.

    Raises:
        OSError: with the name of `path`, raised from the original error.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.errno is None and (failure := _trial(path)):
            raise failure from error
        if error.errno is not None and _is_hidden(error.filename, path):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    except Exception as error:
        if failure := _trial(path):
            raise failure from error
        raise


def _is_hidden(name: object, path: Path) -> bool:
    """True if an error's file name is missing or that of a hidden file beside `path`."""
    if not isinstance(name, str | bytes):
        return name is None
    return os.fsdecode(name).startswith(str(path.with_name(f".{path.name}.")))


def check_writable(folder: Path) -> None:
    """Write a little into a folder and remove it.

    Raises:
        UserError: nothing can be written there.
    """
    if failure := _trial(folder / "trial"):
        failure.filename = str(folder)
        raise as_user_error(failure) or failure


def _trial(path: Path) -> OSError | None:
    """Write a little beside `path`; return the error, with the name of `path`, if that fails."""
    trial = path.with_name(f".{path.name}.{os.getpid()}.trial")
    try:
        with trial.open("wb") as file:
            file.write(bytes(_TRIAL_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    finally:
        with suppress(OSError):
            trial.unlink()
    return None
