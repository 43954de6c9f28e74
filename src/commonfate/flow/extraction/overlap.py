"""Threads that work beside the calling one, with a bound on what waits between them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
POLL_S = 0.1


class _End:
    """Last in the queue: no more items, or the reason why there are no more."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def read_ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Make items in a thread, at most `depth` ahead of who takes them.

    Yields an iterator over them; what making an item raises is raised there. The thread has ended
    when the block is left, however it is left.
    """
    queue: Queue[T | _End] = Queue(depth)
    stopped = Event()

    def put(item: T | _End) -> None:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=POLL_S)
                return
            except Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
        except BaseException as error:  # it is raised in the thread that takes the items
            put(_End(error))
        else:
            put(_End())

    def take() -> Iterator[T]:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = Thread(target=make, name="read ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        _empty(queue)
        thread.join()


def _empty(queue: Queue[Any]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return


class Workers(Generic[T]):
    """Threads that jobs are handed to; who hands them waits while too many are unfinished.

    A context manager. Leaving it by an exception drops the jobs that have not begun.

    Attributes:
        limit: jobs that may be unfinished.
    """

    def __init__(self, threads: int, limit: int) -> None:
        self.limit = limit
        self._threads = threads
        self._unfinished: deque[Future[T]] = deque()

    def __enter__(self) -> "Workers[T]":
        self._pool = ThreadPoolExecutor(self._threads)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def submit(self, job: Callable[..., T], *arguments: Any) -> list[T]:
        """Hand a job over, once fewer than `limit` are unfinished.

        Returns:
            Results of earlier jobs that have become known, in order.

        Raises:
            What an earlier job raised.
        """
        results = []
        while self._unfinished and (
            len(self._unfinished) >= self.limit or self._unfinished[0].done()
        ):
            results.append(self._unfinished.popleft().result())
        self._unfinished.append(self._pool.submit(job, *arguments))
        return results

    def finish(self) -> Iterator[T]:
        """Wait for all jobs; yields their results, in order, and raises as `submit` does."""
        while self._unfinished:
            yield self._unfinished.popleft().result()
