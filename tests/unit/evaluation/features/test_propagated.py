"""Scores of carried masks, worked out by hand."""

import math

import numpy as np
import pytest

from commonfate.evaluation.features.propagated import score, score_released


def clip(*frames):
    return np.array(frames, np.uint8)[:, None]


def test_perfect_masks_score_one():
    truth = clip([1, 1, 0, 2], [0, 1, 1, 2], [0, 0, 1, 2])
    result = score([(truth[1:], truth)])
    assert set(result.metrics.values()) == {1.0}
    assert result.items.tolist() == [1]


def test_j_by_object_and_merged():
    truth = clip([1, 1, 2, 2], [1, 1, 2, 2])
    predicted = clip([1, 2, 2, 0])
    result = score([(predicted, truth)])
    assert result.metrics["J"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert result.metrics["J_merged"] == 0.75
    both = score([(predicted, truth)])
    assert both.metrics["J&F"] == (both.metrics["J"] + both.metrics["F"]) / 2


def test_every_object_counts_once():
    one_object = clip([1, 0], [1, 0]), clip([0, 0])
    two_objects = clip([1, 2], [1, 2]), clip([1, 2])
    result = score([(predicted, truth) for truth, predicted in (one_object, two_objects)])
    assert result.metrics["J"] == pytest.approx(2 / 3)
    assert result.metrics["J_merged"] == 0.5
    assert result.items.tolist() == [0, 1]


def test_boundary_measure_of_a_moved_square():
    truth = np.zeros((2, 40, 40), np.uint8)
    truth[:, 10:20, 10:20] = 1
    shifted = np.roll(truth[1:], 5, 2)
    moved = score([(shifted, truth)])
    assert moved.metrics["J"] == pytest.approx(50 / 150)
    assert 0 < moved.metrics["F"] < 1


def test_void_pixels_and_frames_do_not_count():
    truth = clip([1, 0, 0], [1, 255, 0], [255, 255, 255])
    result = score([(clip([1, 1, 0], [0, 0, 0]), truth)])
    assert result.metrics["J"] == 1


def test_clips_that_cannot_be_scored_are_left_out():
    clips = [
        (clip([1])[:0], clip([1])),
        (clip([0]), clip([0], [1])),
        (clip([1]), clip([1], [255])),
    ]
    result = score(clips)
    assert result.left_out == {
        0: "has a single frame",
        1: "the first frame has no object",
        2: "every later frame is void",
    }
    assert all(math.isnan(value) for value in result.metrics.values())


def test_objects_that_come_later_are_background():
    truth = clip([1, 0, 0], [1, 0, 2])
    result = score([(clip([1, 0, 0]), truth)])
    assert result.metrics["J"] == result.metrics["J_merged"] == 1
    assert result.notes == ("background, as the first frames lack them: 1 object",)


def test_released_compares_with_the_frame_before():
    truth = clip([1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1])
    # Perfect masks are one frame late: they share one pixel of three with the frame before.
    assert score([(truth[1:], truth)]).metrics["J"] == 1
    assert score_released([(truth[1:], truth)]).metrics["IoU"] == pytest.approx(1 / 3)
    still = np.repeat(truth[1:2], 3, 0)
    values = [1, 1 / 3]
    assert score_released([(still, truth)]).metrics["IoU"] == pytest.approx(np.mean(values))


def test_released_exchanges_foreground_and_background():
    truth = clip([1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0])
    inverse = clip([0, 1, 1, 1], [0, 3, 3, 3])
    assert score_released([(inverse, truth)]).metrics["IoU"] == 1
    assert score([(inverse, truth)]).metrics["J_merged"] == 0


def test_released_frames_without_foreground_score_zero():
    truth = clip([1, 0], [0, 0], [0, 0])
    assert score_released([(clip([0, 0], [0, 0]), truth)]).metrics["IoU"] == 0


def test_released_needs_three_frames():
    result = score_released([(clip([1]), clip([1], [1]))])
    assert math.isnan(result.metrics["IoU"]) and 0 in result.left_out


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="clip 0: expected truth"):
        score([(clip([1], [1]), clip([1], [1]))])
