"""Loops in threads: order, and what fails."""

import threading

import cv2
import pytest

from commonfate.base.threads import in_threads


def test_results_keep_their_order_and_threads_work_together() -> None:
    together = threading.Barrier(2, timeout=20)

    def waiting(item: int) -> int:
        together.wait()  # would never pass in one thread
        return item**2

    assert list(in_threads(waiting, range(6), threads=2)) == [0, 1, 4, 9, 16, 25]


def test_as_many_threads_as_opencv_has() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        names = set(in_threads(lambda _: threading.get_ident(), range(3)))
        assert names == {threading.get_ident()}
    finally:
        cv2.setNumThreads(before)


def test_an_error_is_raised_where_its_result_would_be() -> None:
    results = in_threads(lambda item: 1 // item, [1, 0], threads=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
