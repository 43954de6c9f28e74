"""Linear algebra on one thread, as the order of additions depends on the number of threads."""

from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> "ThreadpoolController":
    """The libraries of numpy and scipy; looking for them takes milliseconds, so only once."""
    import scipy.sparse.linalg  # noqa: F401  loads its own library
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def single_threaded() -> AbstractContextManager:
    """Context in which numpy's and scipy's products of matrices use one thread."""
    return _libraries().limit(limits=1, user_api="blas")
