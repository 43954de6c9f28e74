"""Threads beside the calling one: bounds, order, errors, and an early end."""

import threading
import time

import pytest

from commonfate.flow.extraction.threads import Workers, read_ahead


def test_items_are_made_ahead_but_not_without_bound():
    created = []
    items = (created.append(n) or n for n in range(100))
    with read_ahead(items, 3) as ahead:
        assert next(ahead) == 0
        deadline = time.monotonic() + 5
        while len(created) < 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(created) == 5  # one taken, three waiting, one in the hand of who waits for room
        assert list(ahead) == list(range(1, 100))


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("no more frames")

    taken = []
    with pytest.raises(OSError, match="no more frames"), read_ahead(items(), 4) as ahead:
        taken.extend(ahead)  # extend keeps what came before the error
    assert taken == [1]


def test_who_leaves_early_leaves_no_thread_behind():
    before = set(threading.enumerate())
    with pytest.raises(KeyError), read_ahead(iter(range(10**9)), 2) as ahead:
        next(ahead)
        raise KeyError
    assert set(threading.enumerate()) <= before


def test_results_come_in_order_and_who_submits_waits_for_room():
    running, most = [], []
    lock = threading.Lock()

    def job(n):
        with lock:
            running.append(n)
            most.append(len(running))
        time.sleep(0.002 * (n % 3))
        with lock:
            running.remove(n)
        return n

    results = []
    with Workers(3, limit=3) as workers:
        for n in range(20):
            results += workers.submit(job, n)
        results += workers.finish()
    assert results == list(range(20))
    assert max(most) <= 3


def test_an_error_reaches_who_submits_and_drops_what_has_not_begun():
    done = []

    def job(n):
        if n == 1:
            raise OSError("disk full")
        time.sleep(0.01)
        done.append(n)

    with pytest.raises(OSError, match="disk full"), Workers(1, limit=50) as workers:
        for n in range(50):
            workers.submit(job, n)
        list(workers.finish())
    assert len(done) < 50
