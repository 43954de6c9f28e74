"""One maker, several takers: items are made in this thread and taken in one thread a key.

So a frame is read once for the flow of all gaps, each gap's flow goes to a file of its own, and
compression runs while the next pair is estimated.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class _End:
    """Last in a queue: no more items, or the reason why there are no more."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Abandoned(Exception):
    """Another taker failed."""


class _Items(Generic[T]):
    """What a taker iterates over."""

    def __init__(self, depth: int) -> None:
        self.queue: Queue[T | _End] = Queue(depth)
        self.ended = False
        self.failed = False

    def __iter__(self) -> Iterator[T]:
        while not self.ended:
            item = self.queue.get()
            if not isinstance(item, _End):
                yield item
                continue
            self.ended = True
            if item.error is not None:
                raise item.error

    def take(self, taker: Callable[[Iterable[T]], Any]) -> None:
        """Run the taker; when it fails go on emptying the queue, so that the maker is not stuck."""
        try:
            taker(self)
        except BaseException:
            self.failed = True
            raise
        finally:
            while not self.ended:
                self.ended = isinstance(self.queue.get(), _End)


def distribute(
    items: Iterable[tuple[K, T]], takers: Mapping[K, Callable[[Iterable[T]], Any]], depth: int = 4
) -> Iterator[None]:
    """Hand each item to the taker of its key; yields after each, to be counted.

    Args:
        items: key and item, made in the calling thread.
        takers: called once each, in a thread of its own, with the items of its key in order; an
            error while items are made is raised to the takers out of that iterable as well.
        depth: items that may wait for each taker.

    Raises:
        Whatever making an item raises, or a taker; the other takers are then stopped by an error.
    """
    streams = {key: _Items(depth) for key in takers}
    with ThreadPoolExecutor(len(takers)) as pool:
        futures = [pool.submit(streams[key].take, taker) for key, taker in takers.items()]
        end = _End(_Abandoned())
        try:
            for key, item in items:
                if any(stream.failed for stream in streams.values()):
                    break
                streams[key].queue.put(item)
                yield
            else:
                end = _End()
        except BaseException as error:
            end = _End(error)
            raise
        finally:
            for stream in streams.values():
                stream.queue.put(end)
    _raise_first(futures)


def _raise_first(futures: Iterable[Future[None]]) -> None:
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None and not isinstance(error, _Abandoned):
            raise error
