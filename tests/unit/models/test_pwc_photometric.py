"""Distances between images, and smoothness of flow."""

import math

import pytest
import torch

from commonfate.models.pwc.losses import (
    census_distance,
    census_transform,
    photometric_loss,
    smoothness,
    ssim_distance,
)


@pytest.fixture
def image():
    return torch.rand(2, 3, 10, 12, generator=torch.Generator().manual_seed(0))


def test_an_image_is_at_no_distance_from_itself(image):
    assert ssim_distance(image, image).max() < 1e-6
    assert census_distance(image, image).max() == 0


def test_ssim_of_flat_images_is_its_luminance_term():
    first, second = torch.full((1, 3, 4, 4), 0.2), torch.full((1, 3, 4, 4), 0.6)
    expected = (1 - (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)) / 2
    torch.testing.assert_close(
        ssim_distance(first, second), torch.full((1, 3, 2, 2), expected), rtol=0, atol=1e-4
    )


def test_census_by_hand():
    image = torch.zeros(1, 3, 3, 3)
    image[..., 1, 2] = 1 / 255 / (0.2989 + 0.5870 + 0.1140)  # one grey level to the right
    transform = census_transform(image)[0, :, 1, 1]
    expected = torch.zeros(9)
    expected[5] = 1 / math.sqrt(0.81 + 1)
    torch.testing.assert_close(transform, expected, rtol=0, atol=1e-5)
    square = expected[5] ** 2
    distance = census_distance(image, torch.zeros_like(image))
    torch.testing.assert_close(distance[0, 0, 1, 1], square / (0.1 + square) / 9)
    assert distance.count_nonzero() == 1  # patches at the border are not whole


def test_census_is_blind_to_brightness(image):
    darker = image - 0.1
    assert census_distance(image, darker).max() < 1e-3
    assert census_distance(image, 1 - image).mean() > 0.5


def test_hidden_pixels_do_not_count(image):
    other = image.clone()
    other[..., 6:] = 0
    visible = torch.ones(2, 1, 10, 12)
    visible[..., 6:] = 0
    weights = {"l1": 1.0, "ssim": 1.0, "ternary": 1.0}
    assert photometric_loss(image, other, visible, **weights) < 1e-6
    assert photometric_loss(image, other, torch.ones_like(visible), **weights) > 0.1
    assert photometric_loss(image, other, torch.zeros_like(visible), **weights) == 0


def test_the_mean_is_over_what_is_visible():
    visible = torch.zeros(1, 1, 4, 4)
    visible[..., :2] = 1
    loss = photometric_loss(
        torch.full((1, 3, 4, 4), 0.75), torch.full((1, 3, 4, 4), 0.5), visible, 2.0, 0, 0
    )
    assert loss.item() == pytest.approx(2 * 0.25)


def test_gradients_of_flat_images_are_finite():
    flat = torch.full((1, 3, 6, 6), 0.5, requires_grad=True)
    loss = photometric_loss(flat, torch.full((1, 3, 6, 6), 0.5), torch.ones(1, 1, 6, 6), 1, 1, 1)
    loss.backward()
    assert loss.isfinite() and flat.grad.isfinite().all()


def test_orders_of_smoothness():
    columns = torch.arange(8.0).expand(1, 1, 6, 8)
    linear = torch.cat([2 * columns, torch.zeros_like(columns)], 1)
    flat = torch.zeros(1, 3, 6, 8)
    # |du/dx| = 2 in one of two components; halves for the direction and the first derivative.
    assert smoothness(linear, flat, order=1).item() == pytest.approx(2 / 2 / 4)
    assert smoothness(linear, flat, order=2).item() == pytest.approx(0, abs=1e-6)
    assert smoothness(linear**2 / 4, flat, order=2).item() == pytest.approx(2 / 2 / 2)


def test_flow_may_change_at_edges_of_the_image():
    flow = torch.zeros(1, 2, 6, 8)
    flow[..., 4:] = 1
    edge = torch.zeros(1, 3, 6, 8)
    edge[..., 4:] = 1
    assert smoothness(flow, edge, alpha=10) == pytest.approx(
        math.exp(-10) * smoothness(flow, torch.zeros_like(edge), alpha=10).item()
    )
