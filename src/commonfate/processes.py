"""Helper processes and Ctrl-C: a terminal sends it to all of them, and only the parent answers."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def shielded() -> Iterator[None]:
    """Start processes (within the block) that never see SIGINT; one that comes meanwhile waits."""
    resource_tracker.ensure_running()  # which else would unblock the signal on its own start
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interruptible(pool: ProcessPoolExecutor) -> Iterator[None]:
    """End the processes of a pool when Ctrl-C leaves the block, instead of waiting for them."""
    try:
        yield
    except KeyboardInterrupt:
        # The pool's own thread (Python 3.11) complains about work that was called off.
        complain, threading.excepthook = threading.excepthook, lambda _: None
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(cancel_futures=True)
        threading.excepthook = complain
        raise
