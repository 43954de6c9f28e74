"""Masks carried through clips worked out by hand."""

import numpy as np
import pytest

from commonfate.evaluation.features.propagation import (
    by_flow,
    by_forwarder,
    chained,
    frames_of,
    held_still,
)
from commonfate.evaluation.features.settings import FRAMES_APART
from commonfate.models.settings import ForwarderSettings


def row(*labels):
    return np.array([labels], np.uint8)


def flow(frames, u, width, v=0.0):
    result = np.zeros((frames, 2, 1, width), np.float32)
    result[:, 0], result[:, 1] = u, v
    return result


def test_clips_of_a_video():
    assert frames_of(7, 3) == [range(0, 7, 3), range(1, 7, 3), range(2, 7, 3)]
    assert [list(clip) for clip in frames_of(4, 3)] == [[0, 3]]
    assert frames_of(1, 3) == frames_of(0, 2) == frames_of(3, 5) == []


def test_steps_are_those_of_the_table_at_24_frames_a_second():
    assert tuple(round(24 * seconds) for seconds in (0.1, 0.2, 0.4, 0.8)) == FRAMES_APART


def test_held_still():
    assert held_still(row(0, 3, 255), 3).tolist() == [[[0, 3, 0]], [[0, 3, 0]]]
    assert held_still(row(0, 1), 1).shape == (0, 1, 2)


def test_by_flow_moves_objects_and_fills_the_border_with_background():
    # Everything moves one pixel to the right: each pixel was one to the left before.
    masks, unknown = by_flow(row(1, 0, 7, 7, 0), flow(2, -1, 5))
    assert masks.tolist() == [[[0, 1, 0, 7, 7]], [[0, 0, 1, 0, 7]]]
    np.testing.assert_allclose(unknown, [0.2, 0.2])


def test_unknown_flow_is_background():
    backward = flow(1, 0, 3)
    backward[0, :, 0, 1] = np.nan
    masks, unknown = by_flow(row(1, 1, 1), backward)
    assert masks.tolist() == [[[1, 0, 1]]]
    assert unknown[0] == pytest.approx(1 / 3)


def test_pixels_that_were_hidden_are_background():
    onward = flow(1, 0, 3)
    onward[0, 0, 0, 2] = 5
    masks, unknown = by_flow(row(1, 1, 1), flow(1, 0, 3), onward)
    assert masks.tolist() == [[[1, 1, 0]]]
    assert unknown[0] == pytest.approx(1 / 3)


def test_background_wins_of_equals():
    masks, _ = by_flow(row(0, 1), flow(1, -0.5, 2))
    assert masks.tolist() == [[[0, 0]]]


def test_chained_flow_follows_the_way():
    first, second = flow(1, -1, 4)[0], flow(1, 0, 4)[0]
    second[0, 0] = [5, -0.25, 1, 9]
    total = chained(np.stack([first, second]))
    np.testing.assert_allclose(total[0, 0], [np.nan, 4, -1.25, 0])
    np.testing.assert_array_equal(chained(first[None]), first)


def test_clip_of_a_single_frame_has_no_later_masks():
    masks, unknown = by_flow(row(0, 1), flow(0, 0, 2))
    assert masks.shape == (0, 1, 2) and unknown.shape == (0,)


def test_flow_of_another_size_is_refused():
    with pytest.raises(ValueError, match="differ in size"):
        by_flow(row(0, 1), flow(1, 0, 3))


def test_forwarder_follows_features():
    one_hot = np.eye(4, dtype=np.float32)
    features = np.stack([one_hot, np.roll(one_hot, 1, 0)])[:, None]  # (2, 1, 4, 4)
    masks = by_forwarder(row(0, 5, 9, 0), features, ForwarderSettings(top_k=1))
    assert masks.tolist() == [[[0, 0, 5, 9]]]


def test_forwarder_on_a_coarse_grid_and_a_single_frame():
    first = np.zeros((6, 10), np.uint8)
    first[:, :5] = 2
    masks = by_forwarder(first, np.eye(2, dtype=np.float32)[None, None].repeat(3, 0))
    assert masks.shape == (2, 6, 10)
    assert (masks == first).all()
    assert by_forwarder(first, np.ones((1, 1, 2, 4))).shape == (0, 6, 10)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="features of the clip: item 1"):
        by_forwarder(row(0, 1), np.array([1, np.nan]).reshape(2, 1, 1, 1))
