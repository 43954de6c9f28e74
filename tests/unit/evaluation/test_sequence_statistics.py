"""Mean, recall and decay, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonfate.evaluation.masks.jaccard import decay, mean, recall


def test_recall_counts_strictly_above_a_half():
    assert recall([0.5, 0.51, 0.2, 1.0]) == 0.5


def test_nan_is_left_out_of_the_mean_and_not_recalled():
    assert mean([0.25, math.nan, 0.75]) == 0.5
    assert recall([0.25, math.nan, 0.75, 0.75]) == 0.5


def test_nothing_to_average():
    assert all(math.isnan(statistic([])) for statistic in (mean, recall, decay))
    assert math.isnan(mean([math.nan]))


def test_decay_of_a_falling_line():
    # Nine frames: the bins are 0-2, 2-4, 4-6 and 6-8; the first averages 0.9, the last 0.3.
    values = np.linspace(1.0, 0.2, 9)
    assert decay(values) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.7], 0.0),  # every quarter is the frame
        ([0.9, 0.4], 0.9 - 0.4),  # ends 0, 0, 1, 1, 1: the first quarter is frame 0
        ([0.9, 0.5, 0.1], 0.7 - 0.1),  # ends 0, 1, 1, 2, 2: frames 0 and 1, then frame 2
        ([0.8, 0.6, 0.4, 0.1], 0.7 - 0.25),  # ends 0, 1, 2, 2, 3: 0 and 1, then 2 and 3
        ([1.0, 0.8, 0.6, 0.4, 0.0], 0.9 - 0.2),  # ends 0, 1, 2, 3, 4
        ([0.9, math.nan, 0.1], 0.9 - 0.1),
        ([math.nan, math.nan], math.nan),
    ],
)
def test_decay_of_few_frames(values, expected):
    assert decay(values) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("values", "expected"), [([0.5], 0.0), ([0.51], 1.0), ([0.2, 0.9], 0.5), ([math.nan], 0.0)]
)
def test_recall_of_few_frames(values, expected):
    assert recall(values) == expected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=1000))
def test_ends_of_quarters_in_whole_numbers(values):
    ends = [(k * (len(values) - 1) + 2) // 4 for k in range(5)]  # k/4 of the way, halves up
    first, last = values[: ends[1] + 1], values[ends[3] :]
    assert decay(values) == pytest.approx(sum(first) / len(first) - sum(last) / len(last))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_decay_turns_its_sign_with_time(values):
    # Not where an end lies half-way between frames: it is rounded up from either side.
    if (len(values) - 1) % 4 in (0, 1, 3):
        assert decay(values[::-1]) == pytest.approx(-decay(values))


@pytest.mark.parametrize("frames", [255, 256, 257, 1001])
def test_decay_of_a_step_in_a_long_sequence(frames):
    values = np.where(np.arange(frames) < frames // 2, 0.75, 0.25)
    assert decay(values) == pytest.approx(0.5)
