"""One maker, several takers in threads: order, and errors on either side."""

import pytest

from commonfate.flow.fanout import distribute


def test_each_taker_gets_its_items_in_order():
    taken = {"a": [], "b": []}
    items = [("a", 0), ("b", 1), ("a", 2)] + [("b", n) for n in range(100)]
    steps = sum(1 for _ in distribute(items, {key: taken[key].extend for key in taken}))
    assert steps == len(items)
    assert taken == {"a": [0, 2], "b": [1, *range(100)]}


def test_an_error_of_the_maker_reaches_takers_and_caller():
    seen = []

    def make():
        yield "a", 1
        raise OSError("no more frames")

    def take(items):
        try:
            list(items)
        except OSError as error:
            seen.append(str(error))
            raise

    with pytest.raises(OSError, match="no more frames"):
        list(distribute(make(), {"a": take, "b": take}))
    assert seen == ["no more frames"] * 2


def test_an_error_of_one_taker_stops_the_maker_and_the_other_taker():
    made, stopped = [], []

    def make():
        for n in range(10_000):
            made.append(n)
            yield ("good", "bad")[n % 2], n

    def bad(items):
        next(iter(items))
        raise OSError("disk full")

    def good(items):
        try:
            list(items)
        except BaseException as error:
            stopped.append(type(error).__name__)
            raise

    with pytest.raises(OSError, match="disk full"):
        list(distribute(make(), {"bad": bad, "good": good}, depth=2))
    assert len(made) < 10_000
    assert stopped == ["_Abandoned"]


def test_an_abandoned_loop_ends_its_takers():
    stopped = []

    def take(items):
        try:
            list(items)
        except GeneratorExit:
            stopped.append(True)
            raise

    loop = distribute((("a", n) for n in range(100)), {"a": take})
    next(loop)
    loop.close()
    assert stopped == [True]
