"""Mean, recall and decay, by hand."""

import math

import numpy as np
import pytest

from commonfate.evaluation.statistics import decay, mean, recall


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


def test_decay_of_one_frame_is_zero():
    assert decay([0.7]) == 0.0


@pytest.mark.parametrize("frames", [255, 256, 257, 1001])
def test_decay_of_a_step_in_a_long_sequence(frames):
    values = np.where(np.arange(frames) < frames // 2, 0.75, 0.25)
    assert decay(values) == pytest.approx(0.5)
