"""Pairs cut from scenes: their flow against the renderings, and against the stored truth."""

import cv2
import numpy as np
import pytest

from commonfate.datasets.sprites import annotate, truth
from commonfate.training.flow.cut import Cut, cut, whole
from commonfate.training.flow.scenes import RenderedScene, Stream

SIZE = (64, 112)


@pytest.fixture(scope="module")
def scene():
    return RenderedScene(3, 1, Stream.TRAINING, SIZE, 8)


def warped(pair):
    """The second image, fetched to where the flow says that its points come from."""
    rows, columns = np.indices(pair.visible.shape, np.float32)
    return cv2.remap(
        pair.images[1], columns + pair.flow[0], rows + pair.flow[1], cv2.INTER_CUBIC
    ).astype(float)


@pytest.mark.parametrize(
    "where",
    [
        Cut(2, 4, 0, 0, SIZE, SIZE),
        Cut(5, -2, 8, 24, (48, 80), (48, 80), mirrored=True),
        Cut(1, 3, 10, 30, (40, 64), (56, 88)),
    ],
)
def test_where_visible_the_second_image_warped_by_the_flow_is_the_first(scene, where):
    pair = cut(scene, where)
    assert pair.images.shape == (2, *where.size, 3)
    assert 0.5 < pair.visible.mean() <= 1
    difference = np.abs(warped(pair) - pair.images[0]).mean(2)
    still = np.abs(pair.images[1].astype(float) - pair.images[0]).mean(2)
    # Both images are interpolated from 8 bits; contours of layers are blends of two motions.
    assert np.median(difference[pair.visible]) < 2
    assert difference[pair.visible].mean() < 0.4 * still[pair.visible].mean()


@pytest.mark.parametrize("gap", [1, -3])
def test_whole_pairs_have_the_flow_and_visibility_of_the_truth_file(scene, gap, tmp_path):
    seen = annotate.seen_layers(scene.scene)
    path = tmp_path / "truth.npz"
    truth.save(path, scene.scene, seen, annotate.instances(scene.scene, seen))
    pair = whole(scene, 4, gap)
    np.testing.assert_array_equal(pair.flow, truth.flow(path, 4, gap))
    assert (pair.visible == truth.visible_at_target(path, 4, gap)).mean() > 0.999
    np.testing.assert_array_equal(pair.images[0], scene.frame(4))
    np.testing.assert_array_equal(pair.images[1], scene.frame(4 + gap))


def test_enlarging_enlarges_the_flow_and_mirroring_turns_it_round(scene):
    plain = cut(scene, Cut(2, 2, 16, 32, (32, 48), (32, 48)))
    larger = cut(scene, Cut(2, 2, 16, 32, (32, 48), (96, 144)))
    mirrored = cut(scene, Cut(2, 2, 16, 32, (32, 48), (32, 48), mirrored=True))
    # The middle of three pixels lies where the one pixel was.
    np.testing.assert_allclose(larger.flow[:, 1::3, 1::3], 3 * plain.flow, atol=1e-4)
    np.testing.assert_array_equal(mirrored.flow[0], -plain.flow[0, :, ::-1])
    np.testing.assert_array_equal(mirrored.flow[1], plain.flow[1, :, ::-1])
    np.testing.assert_array_equal(mirrored.images, plain.images[:, :, ::-1])
