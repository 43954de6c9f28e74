"""Appearance of patches: colours, tokens, and links between patches alike."""

import numpy as np
import pytest
import torch

from commonfate.foreground import appearance
from commonfate.foreground.settings import silent
from helpers import moving


class Means(torch.nn.Module):
    """Encoder of the test: the mean of each patch and its square, 16 pixels wide."""

    patch = 16
    offers = frozenset({"tokens"})

    def forward(self, images, outputs):
        means = torch.nn.functional.avg_pool2d(images, self.patch).permute(0, 2, 3, 1)
        return {"tokens": torch.cat([means, means.square()], -1)}


def described(frames):
    return appearance.of_tokens(frames, appearance.tokens_of(frames, Means(), "cpu", silent))


def test_grids_complete_the_last_patches_and_pool_means():
    assert appearance.grid((240, 428)) == (30, 54)
    maps = np.zeros((1, 16, 24), np.float32)
    maps[0, :8, 8:16] = 4
    np.testing.assert_array_equal(appearance.pooled(maps), [[[0, 4, 0], [0, 0, 0]]])


def test_colours_are_centred_over_the_shot_and_have_mean_square_one():
    frames, _ = moving.film(3)
    colours = appearance.colours_of(frames)
    assert colours.shape == (3, 12, 16, 3)
    np.testing.assert_allclose(colours.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(np.square(colours).mean(), 1, atol=1e-5)


def test_large_frames_are_looked_at_at_a_short_side_of_240():
    frames = np.random.default_rng(0).integers(0, 255, (2, 480, 640, 3), np.uint8)
    look = described(frames)
    assert look.features.shape[:3] == look.colours.shape[:3] == (2, 30, 40)
    assert appearance.pooled(np.ones((2, 480, 640), np.float32), (30, 40)).shape == (2, 30, 40)


def test_features_have_length_one_and_a_token_a_patch():
    frames, _ = moving.film(3)
    look = described(frames)
    assert look.features.shape[:3] == (3, 12, 16)
    assert look.features.dtype == look.colours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(look.features, axis=-1), 1, atol=1e-5)


def test_a_film_of_one_colour_has_finite_features():
    look = described(np.full((2, 24, 32, 3), 7, np.uint8))
    assert np.isfinite(look.features).all()
    assert np.isfinite(look.colours).all()


@pytest.fixture(scope="module")
def linked():
    frames, truth = moving.film(4)
    look = described(frames)
    return appearance.links(look.features, "cpu", silent), truth


def test_weights_of_a_patch_sum_to_one_and_none_is_its_own(linked):
    matrix, _ = linked
    np.testing.assert_allclose(np.asarray(matrix.sum(1)).ravel(), 1, atol=1e-5)
    assert not matrix.diagonal().any()


def test_links_go_both_ways_and_no_further_than_the_radius(linked):
    matrix, _ = linked
    coordinates = matrix.tocoo()
    t, y, x = np.unravel_index(coordinates.row, (4, 12, 16))
    other_t, other_y, other_x = np.unravel_index(coordinates.col, (4, 12, 16))
    apart = np.maximum(abs(y - other_y), abs(x - other_x))
    assert (apart <= appearance.RADIUS + abs(t - other_t)).all()
    assert set(abs(t - other_t)) == {0, 1, 2}
    assert ((matrix != 0) != (matrix.T != 0)).nnz == 0


def test_the_square_is_linked_to_itself_in_other_frames(linked):
    matrix, truth = linked
    inside = appearance.pooled(truth.astype(np.float32)).ravel() > 0.9
    share = matrix @ inside.astype(np.float32)
    assert share[inside].mean() > 10 * share[~inside].mean()
