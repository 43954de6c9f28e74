"""Shots of a film, and the parts that are segmented together."""

import numpy as np
import pytest

from commonfate.segmentation import shots


def scene(seed: int, frames: int) -> list[np.ndarray]:
    """Frames of a few colours of their own, with noise and a drift of brightness."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 200, (4, 4, 3)).repeat(12, 0).repeat(16, 1)
    drift = np.linspace(0, 10, frames)[:, None, None, None]
    noisy = base + drift + rng.integers(0, 5, (frames, *base.shape))
    return list(noisy.astype(np.uint8))


def test_a_cut_begins_a_shot():
    film = [*scene(0, 7), *scene(1, 9), *scene(2, 5)]
    assert shots.cuts(shots.changes(film)) == [0, 7, 16]


def test_a_film_without_cuts_is_one_shot():
    assert shots.cuts(shots.changes(scene(0, 12))) == [0]


def test_a_single_frame_and_two_frames():
    assert shots.cuts(shots.changes(scene(0, 1))) == [0]
    assert shots.cuts(shots.changes([*scene(0, 1), *scene(1, 1)])) == [0, 1]


def test_lights_that_flash_are_no_cuts():
    dark, bright = (np.full((48, 64, 3), value, np.uint8) for value in (10, 200))
    assert shots.cuts(shots.changes([dark, bright] * 8)) == [0]


def test_changes_are_the_share_of_the_colours():
    left = np.zeros((8, 8, 3), np.uint8)
    half = left.copy()
    half[:4] = 255
    np.testing.assert_allclose(shots.changes([left, left, half]), [0, 0, 0.5])


@pytest.mark.parametrize(
    ("starts", "count", "longest", "expected"),
    [
        ([0], 10, 20, [range(10)]),
        ([0, 4], 10, 20, [range(4), range(4, 10)]),
        ([0], 10, 4, [range(3), range(3, 7), range(7, 10)]),
        ([0, 1], 9, 4, [range(1), range(1, 5), range(5, 9)]),
    ],
)
def test_long_shots_are_cut_evenly(starts, count, longest, expected):
    assert shots.parts(starts, count, longest) == expected
