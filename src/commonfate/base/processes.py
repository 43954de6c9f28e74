"""Signals of a command with several processes.

A terminal sends Ctrl-C to all processes of a command, and only the parent answers.
"""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def shielded(*numbers: signal.Signals) -> Iterator[None]:
    """Start processes in the block that never see some signals; here, signals wait for its end.

    Processes inherit the mask of the thread that starts them. The mask does not keep a signal from
    this process, which may take the signal in any other thread; a handler does that.

    Args:
        numbers: the signals; by default SIGINT alone.
    """
    numbers = numbers or (signal.SIGINT,)
    deferred: list[int] = []
    resource_tracker.ensure_running()  # or its own start would unblock the signals
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    handlers = {}
    # Only the main thread may set a handler.
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            handlers[number] = signal.signal(number, lambda number, _frame: deferred.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # delivers a signal that waited
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for waiting in dict.fromkeys(deferred):
            signal.raise_signal(waiting)


@contextmanager
def interruptible(pool: ProcessPoolExecutor) -> Iterator[None]:
    """End the processes of a pool if Ctrl-C interrupts the block, instead of waiting for them."""
    try:
        yield
    except KeyboardInterrupt:
        # The pool's own thread (Python 3.11) would print errors about the cancelled work.
        hook, threading.excepthook = threading.excepthook, lambda _: None
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(cancel_futures=True)
        threading.excepthook = hook
        raise


@contextmanager
def deferred_signals() -> Iterator[Callable[[], str | None]]:
    """Hold back SIGTERM (Slurm's time limit, Snakemake) and Ctrl-C until the caller asks for them.

    Yields a function that returns the name of the signal that was received, or None. Only the first
    signal is held back: a second one of the same kind acts at once.
    """
    received: list[str] = []
    before = {int(number): signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

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
