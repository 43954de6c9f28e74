"""Progress of long work: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


def track(
    items: Iterable[T], description: str, total: int, start: int = 0, every_s: float = 15.0
) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done, the rate and the time left.

    Args:
        items: what remains to be done.
        description: what is being done, as shown to the reader.
        total: how many items the whole work has.
        start: how many of them were done before (a resumed run).
        every_s: seconds between two lines of a log.
    """
    if sys.stderr.isatty():
        yield from _bar(items, description, total, start)
    else:
        yield from _lines(items, description, total, start, every_s)


def _bar(items: Iterable[T], description: str, total: int, start: int) -> Iterator[T]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total, completed=start, rate="")
        for item in items:
            yield item
            speed = bar.tasks[task].speed
            bar.update(task, advance=1, rate=f"{speed:.2f} a second" if speed else "")


def _lines(
    items: Iterable[T], description: str, total: int, start: int, every_s: float
) -> Iterator[T]:
    began = last = time.monotonic()
    done = start
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= every_s or done == total:
            rate = (done - start) / max(now - began, 1e-9)
            left_s = (total - done) / rate
            log.info(
                "%s: %d/%d, %.2f a second, %.0f s left", description, done, total, rate, left_s
            )
            last = now
