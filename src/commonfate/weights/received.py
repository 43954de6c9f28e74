"""Progress of a download: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator

MB = 1e6
EVERY_S = 15.0

log = logging.getLogger(__name__)


def track(chunks: Iterable[bytes], name: str, start: int, total: int | None) -> Iterator[bytes]:
    """Yield chunks of a file and show how much of it has arrived, the rate and the time left.

    Args:
        chunks: what is still to come.
        name: what is downloaded, as shown to the reader.
        start: bytes that arrived before.
        total: bytes of the whole file, where known.
    """
    if sys.stderr.isatty():
        yield from _bar(chunks, name, start, total)
    else:
        yield from _lines(chunks, name, start, total)


def _bar(chunks: Iterable[bytes], name: str, start: int, total: int | None) -> Iterator[bytes]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total, completed=start)
        for chunk in chunks:
            yield chunk
            bar.advance(task, len(chunk))


def _lines(chunks: Iterable[bytes], name: str, start: int, total: int | None) -> Iterator[bytes]:
    began = last = time.monotonic()
    done = start
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        now = time.monotonic()
        if now - last >= EVERY_S or done == total:
            rate = max(done - start, 1) / max(now - began, 1e-9)
            log.info("%s: %s", name, _line(done, total, rate))
            last = now


def _line(done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{done / MB:.1f} MB, {rate / MB:.1f} MB/s"
    left_s = (total - done) / rate
    return f"{done / MB:.1f} of {total / MB:.1f} MB, {rate / MB:.1f} MB/s, {left_s:.0f} s left"
