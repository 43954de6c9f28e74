"""Processes that start while a signal comes."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from commonfate.base.processes import shielded


@contextmanager
def another_thread():
    """A thread that has no signal masked, as those of OpenCV, Zarr and torch."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_a_signal_that_another_thread_takes_waits_for_the_end_of_the_block():
    reached = False
    with another_thread(), pytest.raises(KeyboardInterrupt), shielded():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # until the other thread has had its turn
        reached = True
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_that_was_there_gets_the_signal_once():
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    try:
        with another_thread(), shielded(signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), signal.SIGTERM)
            assert not came
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_processes_that_are_started_have_the_signals_blocked():
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as unshielded:
        assert not unshielded.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, ()))
    with shielded(signal.SIGINT, signal.SIGTERM):
        pool = context.Pool(1)
    blocked = pool.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, ()))
    pool.close()
    pool.join()
    assert blocked == {signal.SIGINT, signal.SIGTERM}
