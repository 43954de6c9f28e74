"""Evidence of motion: gaps, residuals, trust in frames, and averaging along the flow."""

import numpy as np
import pytest

from commonfate.flow.dominant import residual
from commonfate.flow.settings import FlowSource
from commonfate.foreground import flows, motion
from commonfate.foreground.settings import silent
from helpers import moving

CAMERAS = ("any", "turns", "moves")
FINEST = FlowSource(estimator="dis", preset="finest")


def evidence_of(frames: np.ndarray) -> motion.Evidence:
    estimated = flows.Flows(frames, FINEST)
    gap = flows.suitable_gap(estimated)
    return motion.gather(estimated.of_gaps(sorted({1, -1, gap, -gap}), silent), gap)[0]


def test_the_square_stands_out_from_a_panned_background():
    frames, truth = moving.film()
    evidence = evidence_of(frames)
    assert evidence.gap == 1
    assert evidence.moves
    assert (evidence.weight == 1).all()
    assert moving.overlap(evidence.map > 0.5, truth) > 0.7


def test_a_slow_square_is_looked_at_over_more_frames():
    frames, truth = moving.film(frames=17, speed=0.25, pan=0)
    evidence = evidence_of(frames)
    assert evidence.gap > 1
    assert evidence.moves
    assert moving.overlap(evidence.map > 0.5, truth) > 0.4


@pytest.mark.parametrize("frames", [moving.film(6, 0, 0)[0], np.zeros((6, 64, 80, 3), np.uint8)])
def test_a_still_film_and_a_black_one_do_not_move(frames):
    evidence = evidence_of(frames)
    assert not evidence.moves
    assert np.isfinite(evidence.map).all()


def test_a_pan_alone_does_not_move():
    height, width = moving.SIZE
    wall = moving.texture((height, width + 20), (90, 140, 80), seed=0)
    frames = np.stack([wall[:, t : t + width] for t in range(0, 16, 2)])
    assert not evidence_of(frames).moves


def test_two_frames_are_enough():
    frames, truth = moving.film(2)
    evidence = evidence_of(frames)
    assert evidence.map.shape == truth.shape
    assert moving.overlap(evidence.map > 0.5, truth) > 0.5


def test_frames_without_trust_have_what_flows_into_them():
    flow = {gap: np.zeros((3, 2, 4, 5), np.float32) for gap in (1, -1)}
    maps = np.zeros((3, 4, 5), np.float32)
    maps[1] = 100  # of a frame that counts for nothing
    maps[0], maps[2] = 1, 3
    (result,) = motion.along_flow([maps], np.float32([1, 0, 1]), flow)
    assert result.max() < 3
    np.testing.assert_allclose(result[1], 2, atol=1e-4)


def test_averaging_follows_the_flow():
    frames, truth = moving.film(8, speed=4, pan=0)
    flow = flows.Flows(frames, FINEST).of_gaps([1, -1], silent)
    maps = np.zeros(truth.shape, np.float32)
    maps[4] = truth[4]
    weight = np.zeros(8, np.float32)
    weight[4] = 1
    (result,) = motion.along_flow([maps], weight, flow)
    assert moving.overlap(result > 0.5, truth) > 0.6


def test_sampled_reads_the_other_frame_at_the_end_of_the_flow():
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    flow = np.zeros((2, 4, 5), np.float32)
    flow[0], flow[1] = 1, 2
    result = motion.sampled(values, motion.ends_of(flow))
    assert result[1, 2] == values[3, 3]
    assert result[3, 4] == values[3, 4]  # beyond the border


def test_a_quadratic_camera_leaves_no_residual():
    y, x = np.mgrid[-1:1:60j, -1:1:80j]
    flow = np.stack([3 + x - y * x + 2 * x * x, 1 - y + 0.5 * y * y])
    assert np.abs(residual(flow, 10, degree=2)).max() < 1e-6
    assert np.abs(residual(flow, 10, degree=1)).max() > 0.5


def test_otsu_of_every_map():
    maps = np.zeros((2, 4, 4))
    maps[0, :2] = 8
    assert 0 <= motion.otsu(maps)[0] < 8
    assert motion.otsu(maps)[1] == 0


def test_the_motion_of_the_camera_is_told_in_one_way_or_in_both():
    frames, truth = moving.film()
    estimated = flows.Flows(frames, FINEST)
    flow = estimated.of_gaps([1, -1], silent)
    of_cameras = {camera: motion.gather(flow, 1, camera=camera) for camera in CAMERAS}
    kinds = {camera: [e.past_parallax for e in both] for camera, both in of_cameras.items()}
    assert kinds == {"any": [False, True], "turns": [False], "moves": [True]}
    for gathered in of_cameras.values():
        for evidence in gathered:
            assert evidence.map.shape == truth.shape
            assert 0 <= evidence.map.min() <= evidence.map.max() <= 1
    np.testing.assert_array_equal(of_cameras["any"][0].map, of_cameras["turns"][0].map)
    np.testing.assert_array_equal(of_cameras["any"][1].map, of_cameras["moves"][0].map)


def test_the_progress_of_long_steps_is_shown():
    shown = []

    def steps(items, description, total):
        shown.append(description)
        items = list(items)
        assert len(items) == total
        return items

    flow = flows.Flows(moving.film(4)[0], FINEST).of_gaps([1, -1], silent)
    motion.gather(flow, 1, camera="any", steps=steps)
    assert shown == ["motion", "parallax", "averaging"]


def test_maps_that_are_averaged_together_are_averaged_as_alone():
    frames, _ = moving.film(6)
    flow = flows.Flows(frames, FINEST).of_gaps([1, -1], silent)
    maps = list(np.random.default_rng(0).random((2, *frames.shape[:3])).astype(np.float32))
    for weight in (np.ones(6, np.float32), np.float32([1, 0, 0.5, 1, 0, 1])):
        together = motion.along_flow(maps, weight, flow)
        for values, result in zip(maps, together, strict=True):
            np.testing.assert_allclose(
                result, motion.along_flow([values], weight, flow)[0], rtol=1e-5
            )
    same = motion.along_flow(maps[:1], np.ones(6, np.float32), flow)[0]
    almost = motion.along_flow(maps[:1], np.float32([1, 1, 1, 1, 1, 0.99999]), flow)[0]
    np.testing.assert_allclose(same, almost, rtol=1e-4)
