import numpy as np
import pytest

from commonfate.datasets.sprites import motion, warps
from commonfate.datasets.sprites.motion import Camera, Track, Wave

STILL = Wave(0.0, 10.0, 0.0)


def test_time_stands_still_in_a_pause_and_runs_before_and_after_it():
    time = motion.own_time(20, (6, 10))
    assert (time[6:11] == time[6]).all()
    # Three steps of slowing down, 3/4, 2/4, 1/4, on either side.
    np.testing.assert_allclose(np.diff(time)[:7], [1, 1, 1, 0.75, 0.5, 0.25, 0])
    np.testing.assert_allclose(np.diff(time)[10:15], [0.25, 0.5, 0.75, 1, 1])


def test_time_without_a_pause_counts_frames():
    np.testing.assert_array_equal(motion.own_time(5, None), np.arange(5))


@pytest.mark.parametrize("pause", [(0, 3), (16, 19), (0, 19)])
def test_pause_at_an_end(pause):
    time = motion.own_time(20, pause)
    assert (np.diff(time)[pause[0] : pause[1]] == 0).all()
    assert (np.diff(time)[: pause[0]] > 0).all() and (np.diff(time)[pause[1] :] > 0).all()


def test_greatest_speed_of_a_wave():
    wave = motion.travel(np.random.default_rng(0), 3.0, (30, 50))
    position = wave(np.linspace(0, wave.period, 10_001))
    assert np.abs(np.gradient(position, wave.period / 10_000)).max() == pytest.approx(3, rel=1e-4)


def test_camera_pans_nearer_planes_faster():
    pan = Wave(8.0, 4.0, 0.0)
    maps = Camera((pan, STILL), STILL, STILL, (), 100.0).maps(np.array([0.0, 1.0]), 1.5)
    np.testing.assert_allclose(maps[1] - maps[0], [[12, 0, 0, 0, 0, 0], [0] * 6], atol=1e-12)


def test_bend_moves_the_corner_by_its_coefficient():
    bend = (Wave(3.0, 4.0, np.pi / 2), *[STILL] * 5)
    (warp,) = Camera((STILL, STILL), STILL, STILL, bend, 100.0).maps(np.array([0.0]), 1.0)
    np.testing.assert_allclose(warps.apply(warp, np.array([[100.0], [7]])), [[103.0], [7]])


def test_track_carries_the_centre_along_its_way():
    track = Track((10.0, -5.0), (Wave(6.0, 4.0, 0.0), STILL), STILL, 0.1, (STILL, STILL), None)
    maps = track.maps(3)
    # At t = 1 the wave is at its crest: the object's origin lies at (16, -5) in the world.
    np.testing.assert_allclose(warps.apply(maps[1], np.array([[16.0], [-5]])), 0, atol=1e-12)
    # It turns by 0.1 a frame, so a point 2 to its right was elsewhere in its own plane.
    own = warps.apply(maps[1], np.array([[18.0], [-5]]))[:, 0]
    np.testing.assert_allclose(own, [2 * np.cos(0.1), -2 * np.sin(0.1)])


def test_paused_object_keeps_its_map():
    track = motion.draw_track(np.random.default_rng(3), 1.0, (128, 224), 32)
    first, last = track.pause
    maps = track.maps(32)
    assert (maps[first : last + 1] == maps[first]).all()
    assert 10 <= last - first + 1 <= 16
