"""Rendered frames agree with the ground truth that goes with them."""

import cv2
import numpy as np
import pytest

from commonfate.datasets.sprites import annotate, render, scene, truth

SIZE = (96, 160)
FRAMES = 13


@pytest.fixture(scope="module", params=[0, 1, 2])
def video(request, tmp_path_factory):
    """Scene, frames and truth file of one video."""
    rng = np.random.default_rng(request.param)
    drawn = scene.draw(rng, request.param, SIZE, FRAMES)
    frames = list(render.frames(drawn, render.draw_textures(rng, drawn)))
    seen = annotate.seen_layers(drawn)
    path = tmp_path_factory.mktemp("truth") / "video.npz"
    truth.save(path, drawn, seen, annotate.instances(drawn, seen))
    return drawn, frames, path


def edges(seen):
    """Within two pixels of where another layer is seen: there a pixel blends two layers."""
    kernel = np.ones((5, 5), np.uint8)
    return cv2.dilate(seen, kernel) != cv2.erode(seen, kernel)


def sampled(image, flow):
    """An image at x + flow(x), bicubic."""
    rows, columns = np.indices(flow.shape[1:], np.float32)
    return cv2.remap(image, columns + flow[0], rows + flow[1], cv2.INTER_CUBIC)


@pytest.mark.parametrize(("t", "gap"), [(0, 1), (5, -1), (4, 2), (2, 6), (12, -6)])
def test_the_true_flow_carries_one_frame_to_the_other(video, t, gap):
    _, frames, path = video
    flow = truth.flow(path, t, gap)
    seen = truth.load(path).seen
    blended = sampled(edges(seen[t + gap]).astype(np.float32), flow) > 0
    compared = truth.visible_at_target(path, t, gap) & ~edges(seen[t]) & ~blended
    assert compared.mean() > 0.4

    def error(flow):
        difference = sampled(frames[t + gap], flow).astype(float) - frames[t]
        return np.abs(difference).mean(2)[compared].mean()

    # What is left is the interpolation of eight-bit pixels. A third of a pixel beside the true
    # flow, in any direction, the frames agree less well.
    beside = np.float32([(0.3, 0), (-0.3, 0), (0, 0.3), (0, -0.3)])[:, :, None, None]
    assert error(flow) < 2
    assert 1.5 * error(flow) < min(error(flow + step) for step in beside)


def test_hidden_points_do_not_look_the_same(video):
    _, frames, path = video
    hidden = ~truth.visible_at_target(path, 0, 6)
    flow = truth.flow(path, 0, 6)
    error = np.abs(sampled(frames[6], flow).astype(float) - frames[0]).mean(2)
    assert hidden.any() and error[hidden].mean() > 10


def test_each_object_is_one_with_its_mask_box_and_visibility(video):
    drawn, _, path = video
    expected = truth.load(path)
    labels = annotate.instances(drawn, expected.seen)
    assert labels.max() == len(drawn.objects) == expected.boxes.shape[1] == len(expected.classes)
    assert ((expected.visibility >= 0) & (expected.visibility <= 1)).all()
    for t in range(FRAMES):
        for n in range(len(drawn.objects)):
            assert ((labels[t] == n + 1).sum() == 0) == (expected.visibility[t, n] == 0)
            if expected.visibility[t, n] > 0:
                x0, y0, x1, y1 = expected.boxes[t, n].astype(int)
                inside = labels[t, y0:y1, x0:x1] == n + 1
                assert inside.sum() == (labels[t] == n + 1).sum()
                assert inside.any(0).all() or expected.visibility[t, n] < 1
                assert inside[0].any() and inside[-1].any()


def test_paused_objects_stand_still_in_the_world(video):
    drawn, _, path = video
    expected = truth.load(path)
    for n, number in enumerate(drawn.objects):
        maps = drawn.layers[number].maps[:, 1]
        still = expected.paused[:-1, n] & expected.paused[1:, n]
        moved = np.abs(np.diff(maps, axis=0)).max((1, 2)) > 0
        np.testing.assert_array_equal(moved, ~still)


def test_frames_are_neither_flat_nor_clipped(video):
    _, frames, _ = video
    image = frames[0]
    assert image.shape == (*SIZE, 3) and image.dtype == np.uint8
    assert image.std() > 20
    assert ((image == 0) | (image == 255)).mean() < 0.25
