"""The photometric loss at one scale or at several, and images at the sizes it needs."""

import pytest
import torch

from commonfate.models.pwc.losses import Weights, photometric_loss, reconstruction_loss, resized

L1 = Weights(l1=1, ssim=0)
MIXED = Weights(l1=0.15, ssim=0.85)


@pytest.fixture
def image():
    return torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def shown():
    return torch.ones(2, 1, 16, 24)


def still(height, width):
    return torch.zeros(2, 2, height, width)


def test_an_image_of_the_size_is_itself(image):
    assert resized(image, (16, 24)) is image


def test_images_are_reduced_by_means_over_areas(image):
    expected = image.unflatten(3, (12, 2)).unflatten(2, (8, 2)).mean((3, 5))
    torch.testing.assert_close(resized(image, (8, 12)), expected)


def test_images_are_enlarged_bilinearly():
    step = torch.tensor([0.0, 1]).expand(1, 3, 2, 2)
    assert resized(step, (2, 4))[0, 0, 0].tolist() == [0, 0.25, 0.75, 1]


def test_equal_frames_that_stand_still_have_no_loss(image, shown):
    assert reconstruction_loss(image, image, [still(16, 24)], shown, MIXED) < 1e-6


def test_a_translation_is_made_up_for_by_its_flow(image, shown):
    second = image.roll(3, dims=3)
    flow = still(16, 24)
    flow[:, 0] = 3
    shown[..., -3:] = 0  # what has left the image
    assert reconstruction_loss(image, second, [flow], shown, MIXED) < 1e-5
    assert reconstruction_loss(image, second, [0 * flow], shown, MIXED) > 0.1
    assert reconstruction_loss(image, second, [-flow], shown, MIXED) > 0.1


def test_scales_are_summed_with_their_weights(image, shown):
    second = image.flip(3)
    flows = [still(16, 24), still(8, 12), still(4, 6)]
    each = [
        photometric_loss(
            resized(image, size), resized(second, size), torch.ones(2, 1, *size), 1, 0, 0
        )
        for size in ((16, 24), (8, 12), (4, 6))
    ]
    weights = Weights(l1=1, ssim=0, scales=(1, 0, 0.5))
    result = reconstruction_loss(image, second, flows, shown, weights)
    torch.testing.assert_close(result, each[0] + 0.5 * each[2])
    # Scales beyond those that have a weight do not count.
    result = reconstruction_loss(image, second, flows, shown, L1)
    torch.testing.assert_close(result, each[0])


def test_hidden_pixels_do_not_count_at_any_scale(image, shown):
    second = image.clone()
    second[..., :8] = 0
    shown[..., :8] = 0
    weights = Weights(l1=1, ssim=0, scales=(1, 1))
    flows = [still(16, 24), still(8, 12)]
    assert reconstruction_loss(image, second, flows, shown, weights) < 1e-6
    shown[..., :8] = 1
    assert reconstruction_loss(image, second, flows, shown, weights) > 0.1


def test_where_all_is_hidden_loss_and_gradient_are_zero(image, shown):
    flow = still(16, 24).requires_grad_()
    loss = reconstruction_loss(image, image.flip(3), [flow], 0 * shown, MIXED)
    loss.backward()
    assert loss == 0
    assert torch.equal(flow.grad, torch.zeros_like(flow))
