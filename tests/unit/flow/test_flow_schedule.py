"""Which frames are read when, and which pairs they make possible."""

from commonfate.flow.extraction.schedule import Direction, steps


def test_each_frame_once_with_the_pairs_that_it_completes():
    first, second, third = steps({1: [0, 1], -1: [1, 2], 2: [0]})
    assert (first.frame, first.units, first.last_of) == (0, (), ())
    assert second.frame == 1
    assert second.units == ((Direction(0, 1),), (Direction(1, -1),))
    assert second.last_of == ()
    assert third.frame == 2
    assert third.units == ((Direction(0, 2),), (Direction(1, 1),), (Direction(2, -1),))
    assert third.last_of == (0, 1, 2)


def test_frames_that_no_missing_pair_needs_are_not_read():
    assert [step.frame for step in steps({3: [1, 7]})] == [1, 4, 7, 10]
    assert [step.last_of for step in steps({3: [1, 7]})] == [(), (1, 4), (), (7, 10)]
    assert steps({1: [], -2: []}) == []


def test_both_directions_of_a_pair_of_frames_are_one_unit():
    _, second, third = steps({1: [0], -1: [2]}, both=True)
    assert second.units == ((Direction(0, 1), Direction(1, -1, stored=False)),)
    assert third.units == ((Direction(1, 1, stored=False), Direction(2, -1)),)
    (unit,) = steps({2: [0], -2: [2]}, both=True)[-1].units
    assert [direction.stored for direction in unit] == [True, True]
    assert [direction.target for direction in unit] == [2, 0]
