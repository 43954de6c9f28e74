"""Warnings of numerics and of libraries as errors."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_warnings() -> Iterator[None]:
    """Raise warnings of the code within.

    Not a `ResourceWarning`: an earlier test's file, collected now, would fail this test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        yield
