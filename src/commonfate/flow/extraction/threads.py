"""Threads beside the calling one, with a bound on the work that waits between them."""

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
    """Last entry of the queue: no more items, or the error that ended them."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def read_ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Iterate over items in a thread, at most `depth` items ahead of their consumer.

    Yields an iterator over the items, which also raises what iterating raises. The thread has
    ended when the block is left, by an exception or not.
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

    def produce() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
        except BaseException as error:  # raised again in the consumer's thread
            put(_End(error))
        else:
            put(_End())

    def consume() -> Iterator[T]:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = Thread(target=produce, name="read ahead", daemon=True)
    thread.start()
    try:
        yield consume()
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
    """A thread pool whose `submit` blocks while too many jobs are unfinished.

    A context manager. Leaving it by an exception drops the jobs that have not begun.

    Attributes:
        limit: number of jobs that may be unfinished.
    """

    def __init__(self, threads: int, limit: int) -> None:
        """With 0 threads every job runs at once, in the thread that submits it."""
        self.limit = limit
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._unfinished: deque[Future[T]] = deque()

    def __enter__(self) -> "Workers[T]":
        if self._threads:
            self._pool = ThreadPoolExecutor(self._threads)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=kind is not None)

    def submit(self, job: Callable[..., T], *arguments: Any) -> list[T]:
        """Submit a job; wait until fewer than `limit` are unfinished.

        With threads, only one thread at a time may call this.

        Returns:
            Results that have become available since the previous call, in order of the jobs.

        Raises:
            Any exception of an earlier job; without threads, of this one.
        """
        if self._pool is None:
            return [job(*arguments)]
        results = []
        while self._unfinished and (
            len(self._unfinished) >= self.limit or self._unfinished[0].done()
        ):
            results.append(self._unfinished.popleft().result())
        self._unfinished.append(self._pool.submit(job, *arguments))
        return results

    def finish(self) -> Iterator[T]:
        """Wait for all jobs; yield their results in order, raise as `submit` does."""
        while self._unfinished:
            yield self._unfinished.popleft().result()
