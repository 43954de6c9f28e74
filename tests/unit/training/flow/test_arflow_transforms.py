"""Transforms of ARFlow's second pass."""

import math

import pytest
import torch

from commonfate.models.pwc.warp import pixel_grid
from commonfate.training.flow.arflow_loss_appearance import (
    gaussian_blur,
    hide_cells,
    transform_appearance,
)
from commonfate.training.flow.arflow_loss_settings import ArflowTransforms
from commonfate.training.flow.arflow_loss_spatial import (
    View,
    random_views,
    transform_flow,
    transform_image,
    transform_mask,
)

SIZE = (24, 32)
SETTINGS = ArflowTransforms()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def turned(angle, zoom, offset=(0.0, 0.0)):
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    return View(torch.tensor([[[cosine, -sine], [sine, cosine]]]), torch.tensor([offset]))


def grid():
    return pixel_grid(*SIZE, torch.device("cpu"))[None]


def test_shows_at_undoes_shows():
    views, _ = random_views(SETTINGS, 5, SIZE, generator())
    points = grid().expand(5, -1, -1, -1)
    torch.testing.assert_close(views.shows_at(views.shows(points)), points, rtol=0, atol=1e-4)


def test_a_view_of_a_view():
    outer, inner = random_views(SETTINGS, 4, SIZE, generator())
    points = outer.of(inner).shows(grid())
    torch.testing.assert_close(points, outer.shows(inner.shows(grid())), rtol=0, atol=1e-4)


def test_a_mirrored_view_mirrors_images_and_reverses_flow():
    mirror = View(torch.tensor([[[-1.0, 0], [0, 1]]]), torch.zeros(1, 2))
    image = torch.rand(1, 3, *SIZE, generator=generator())
    torch.testing.assert_close(transform_image(image, mirror), image.flip(3), rtol=0, atol=1e-5)
    flow = torch.rand(1, 2, *SIZE, generator=generator(1))
    expected = flow.flip(3) * torch.tensor([-1.0, 1])[:, None, None]
    torch.testing.assert_close(transform_flow(flow, mirror, mirror), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_constant_flow_through_one_view_is_turned_and_enlarged(seed):
    view, _ = random_views(SETTINGS, 2, SIZE, generator(seed))
    flow = torch.tensor([2.0, -1])[None, :, None, None].expand(2, 2, *SIZE)
    expected = (view.matrix.inverse() @ torch.tensor([2.0, -1]))[:, :, None, None]
    ours = transform_flow(flow, view, view)
    torch.testing.assert_close(ours, expected.expand_as(ours), rtol=0, atol=1e-4)


def test_still_frames_seen_differently_move_by_the_difference():
    first, second = turned(0.0, 1.0), turned(0.0, 1.0, offset=(3.0, -2.0))
    flow = transform_flow(torch.zeros(1, 2, *SIZE), first, second)
    # The second view looks three to the right, so that all that it shows is three to the left.
    expected = torch.tensor([-3.0, 2])[None, :, None, None].expand_as(flow)
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-5)


def test_affine_flow_is_exact_as_composition():
    """Flow that is linear in the position survives bilinear sampling without error."""
    first, second = turned(0.1, 1.4), turned(0.12, 1.38, offset=(0.5, 0.25))
    motion = turned(0.03, 1.02, offset=(1.0, -0.5))
    flow = motion.shows(grid()) - grid()
    expected = second.shows_at(motion.shows(first.shows(grid()))) - grid()
    ours = transform_flow(flow, first, second)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_random_views_stay_inside_and_are_deterministic(seed):
    first, second = random_views(SETTINGS, 64, SIZE, generator(seed))
    again, _ = random_views(SETTINGS, 64, SIZE, generator(seed))
    assert torch.equal(first.matrix, again.matrix) and torch.equal(first.offset, again.offset)
    last = torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])[:, None, None]
    shown = first.shows(grid())
    assert (shown >= -1e-4).all() and (shown <= last + 1e-4).all()
    apart = (second.shows(grid()) - shown).abs().max()
    assert 0 < apart < 2
    mirrored = first.matrix.det() < 0
    assert mirrored.any() and not mirrored.all()


def test_a_mask_is_zero_beyond_the_frame():
    away = View(torch.eye(2)[None], torch.tensor([[16.0, 0]]))
    mask = transform_mask(torch.ones(1, 1, *SIZE), away)
    assert (mask[..., :16] == 1).all() and (mask[..., 16:] == 0).all()


def test_blur_by_a_gaussian():
    dot = torch.zeros(1, 1, 3, 17, 17)
    dot[..., 8, 8] = 1
    blurred = gaussian_blur(dot, torch.tensor([1.0]))[0, 0, 0]
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert (blurred[8, 9] / blurred[8, 8]).item() == pytest.approx(math.exp(-0.5), rel=1e-5)
    assert torch.equal(gaussian_blur(dot, torch.tensor([0.01])), dot)


def test_appearance_is_the_same_for_both_frames_but_for_the_noise():
    image = torch.rand(4, 1, 3, *SIZE, generator=generator())
    images = image.expand(-1, 2, -1, -1, -1)
    quiet = SETTINGS.model_copy(update={"noise": 0.0})
    first, second = transform_appearance(images, quiet, generator(1)).unbind(1)
    assert torch.equal(first, second)
    assert (first - image[:, 0]).abs().mean() > 0.02
    noisy = transform_appearance(images, SETTINGS, generator(1))
    assert 0 < (noisy[:, 0] - noisy[:, 1]).abs().mean() < 0.1
    assert noisy.min() >= 0 and noisy.max() <= 1


def test_some_cells_are_hidden():
    image = torch.full((3, 3, 64, 96), 2.0)  # no noise has this value
    hidden = hide_cells(image, SETTINGS, generator()) != 2
    assert (hidden.all(1) == hidden.any(1)).all()
    share = hidden.float().mean((1, 2, 3))
    assert (share > 8 / 200 / 3).all() and (share < 16 / 200 * 3).all()
    none = SETTINGS.model_copy(update={"hidden_cells": (0, 0)})
    assert torch.equal(hide_cells(image, none, generator()), image)


def test_sides_need_not_be_multiples_of_the_cells_resolution():
    image = torch.zeros(1, 3, 30, 41)
    assert hide_cells(image, SETTINGS, generator()).shape == image.shape
