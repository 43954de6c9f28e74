"""Which of several frame gaps is looked at."""

import pytest

from commonfate.base.gaps import resolved, shortest


def test_the_shortest_gap_is_the_forward_one_where_there_is_a_choice() -> None:
    assert shortest({-6, -3, 3, 6}) == 3
    assert shortest([-1, 2]) == -1


def test_none_asks_for_the_shortest() -> None:
    assert resolved(None, (-6, -3, 3, 6)) == 3
    assert resolved(6, (-6, -3, 3, 6)) == 6
    assert resolved(1, (-1,)) == 1


def test_a_gap_of_which_there_is_no_flow_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"^gap 1: there is only flow of the gaps -6, -3, 3, 6$"):
        resolved(1, (3, 6, -3, -6))
