"""Errors that a user can act on: shown as one line, never as a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something outside the program is wrong; the message says where, what, and what to do."""


class ConfigError(UserError, ValueError):
    """A value in the configuration or on the command line is not allowed."""


class StoreError(UserError, OSError):
    """A file that holds data is missing, damaged or not what it should be."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` with the nearest known word, or nothing when none is near."""
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
