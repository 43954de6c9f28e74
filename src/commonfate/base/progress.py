"""Progress of long work: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
EVERY_S = 15.0
"""Seconds between two lines of a log."""
MB = 1e6

log = logging.getLogger(__name__)


class _Unit(NamedTuple):
    """Unit of progress.

    Attributes:
        size: units of one item.
        amount: name of rich's column for units done and in total.
        rate: text of units a second.
        line: text of a log line from units done, units in total and units a second.
    """

    size: Callable[[Any], int]
    amount: str
    rate: Callable[[float], str]
    line: Callable[[int, Any, float], str]


def track(
    items: Iterable[T], description: str, total: int, start: int = 0, every_s: float = EVERY_S
) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done, the rate and the time left.

    Args:
        items: the items to do.
        description: the work, as shown to the reader.
        total: number of items of the whole work.
        start: items that were done before (a resumed run).
        every_s: seconds between two lines of a log.
    """
    return _track(items, description, total, start, every_s, _ITEMS)


def track_bytes(
    chunks: Iterable[bytes], description: str, total: int | None, start: int = 0
) -> Iterator[bytes]:
    """Yield chunks of a file and show how much of it has arrived, the rate and the time left.

    Args:
        chunks: the bytes to come.
        description: the file, as shown to the reader.
        total: bytes of the whole file; None if unknown.
        start: bytes that arrived before.
    """
    return _track(chunks, description, total, start, EVERY_S, _BYTES)


def _item_rate(rate: float) -> str:
    return f"{rate:.2f} a second"


def _item_line(done: int, total: int, rate: float) -> str:
    return f"{done}/{total}, {_item_rate(rate)}, {(total - done) / rate:.0f} s left"


def _byte_rate(rate: float) -> str:
    return f"{rate / MB:.1f} MB/s"


def _byte_line(done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{done / MB:.1f} MB, {_byte_rate(rate)}"
    left_s = (total - done) / rate
    return f"{done / MB:.1f} of {total / MB:.1f} MB, {_byte_rate(rate)}, {left_s:.0f} s left"


_ITEMS = _Unit(lambda item: 1, "MofNCompleteColumn", _item_rate, _item_line)
_BYTES = _Unit(len, "DownloadColumn", _byte_rate, _byte_line)


def _track(
    items: Iterable[T], description: str, total: Any, start: int, every_s: float, unit: _Unit
) -> Iterator[T]:
    if sys.stderr.isatty():
        yield from _bar(items, description, total, start, unit)
        return
    began = last = time.monotonic()
    done = start
    for item in items:
        yield item
        done += unit.size(item)
        now = time.monotonic()
        if now - last >= every_s or done == total:
            rate = max(done - start, 1) / max(now - began, 1e-9)
            log.info("%s: %s", description, unit.line(done, total, rate))
            last = now


def _bar(items: Iterable[T], description: str, total: Any, start: int, unit: _Unit) -> Iterator[T]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        getattr(progress, unit.amount)(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total, completed=start, rate="")
        for item in items:
            yield item
            speed = bar.tasks[task].speed
            rate = unit.rate(speed) if speed else ""
            bar.update(task, advance=unit.size(item), rate=rate)
