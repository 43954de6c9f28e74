"""Shards: a video keeps its own, whatever comes and goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonfate.base.errors import StoreError
from commonfate.datasets import shards


def test_first_time_in_order_of_name():
    assert shards.assign("ecabd", 2, {}) == {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    assert shards.assign([], 2, {}) == {}


def test_what_comes_fills_the_last_shard_then_new_ones():
    before = {"b": 0, "c": 0, "d": 1}
    assert shards.assign("abcdef", 2, before) == before | {"a": 1, "e": 2, "f": 2}


def test_what_goes_leaves_the_others_where_they_are():
    before = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    assert shards.assign("ade", 2, before) == {"a": 0, "d": 1, "e": 2}
    assert shards.assign("abf", 2, before) == {"a": 0, "b": 0, "f": 1}


names = st.sets(st.text("abcdefgh", min_size=1, max_size=2), max_size=12)


@given(names, names, st.integers(1, 4))
def test_shards_are_never_too_large_and_settle(item, other, shard_size):
    first = shards.assign(item, shard_size, {})
    second = shards.assign(other, shard_size, first)
    assert second.keys() == other
    assert all(second[name] == first[name] for name in item & other)
    sizes = [list(second.values()).count(shard) for shard in set(second.values())]
    assert max(sizes, default=0) <= shard_size
    assert shards.assign(other, shard_size, second) == second


def test_memory(tmp_path):
    path = tmp_path / "inventory" / shards.FILE
    assert shards.read(path, 2) == {}
    shards.write(path, 2, {"一": 3, "b": 0, "c": 0})
    assert shards.read(path, 2) == {"一": 3, "b": 0, "c": 0}
    assert shards.read(path, 256) == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shard_size": 2, "shards": {"x": ["a"]}}'])
def test_damaged_memory(tmp_path, text):
    path = tmp_path / shards.FILE
    path.write_text(text)
    with pytest.raises(StoreError, match=rf"{shards.FILE}: is damaged; delete it"):
        shards.read(path, 2)
