"""SIGTERM (Slurm's time limit, Snakemake) and Ctrl-C end a training after the iteration at hand."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def deferred_signals() -> Iterator[Callable[[], str | None]]:
    """Yield a function that returns the name of the signal that came, or None.

    Only the first signal is held back: a second one of the same kind acts at once.
    """
    received: list[str] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: object) -> None:
        received.append(signal.Signals(number).name)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
