"""Backward warping, and which pixels flow reaches."""

import pytest
import torch

from commonfate.models.pwc.warp import coverage, covered, warp


def constant(u, v, height, width):
    return torch.tensor([u, v], dtype=torch.float32)[None, :, None, None].expand(
        1, 2, height, width
    )


@pytest.fixture
def image():
    return torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))


def test_warping_undoes_a_whole_translation(image):
    # What is at x in the first frame is at x + (3, -2) in the second.
    second = torch.roll(image, shifts=(-2, 3), dims=(2, 3))
    back = warp(second, constant(3, -2, 12, 16))
    torch.testing.assert_close(back[:, :, 2:, :-3], image[:, :, 2:, :-3], rtol=0, atol=1e-5)


def test_between_pixels_it_is_bilinear():
    ramp = torch.arange(16.0).expand(1, 1, 12, 16)
    moved = warp(ramp, constant(0.25, 0.5, 12, 16))
    torch.testing.assert_close(moved[..., :-1], ramp[..., :-1] + 0.25)


def test_padding_says_what_is_outside(image):
    flow = constant(100, 0, 12, 16)
    assert torch.equal(warp(image, flow, "zeros"), torch.zeros_like(image))
    edge = image[..., -1:].expand_as(image)
    torch.testing.assert_close(warp(image, flow, "border"), edge, rtol=0, atol=1e-6)


def test_coordinates_of_half_precision_images_stay_exact():
    ramp = torch.zeros(1, 1, 2, 600, dtype=torch.bfloat16)
    ramp[..., 501:] = 1
    moved = warp(ramp, constant(1, 0, 2, 600).bfloat16())
    assert moved.dtype == torch.bfloat16
    assert moved[0, 0, 0].argmax() == 500  # bfloat16 itself cannot tell 501 from 502


def test_a_single_row_can_be_warped():
    line = torch.arange(5.0).view(1, 1, 1, 5)
    assert warp(line, constant(1, 0, 1, 5)).flatten().tolist() == [1, 2, 3, 4, 4]


def test_coverage_spreads_bilinearly_and_loses_what_leaves():
    reached = coverage(constant(1.25, 0, 2, 4))[0, 0]
    # Pixel 0 lands at 1.25: three quarters on pixel 1, one on pixel 2.
    torch.testing.assert_close(reached[0], torch.tensor([0.0, 0.75, 1.0, 1.0]))


def test_what_a_moving_object_uncovers_is_hidden_before():
    flow = torch.zeros(1, 2, 5, 9)
    flow[:, 0, 1:4, 1:3] = 4  # an object of two columns moves four to the right
    reached = coverage(flow)[0, 0]
    assert reached.sum() == 45
    assert (reached[1:4, 1:3] == 0).all() and (reached[1:4, 5:7] == 2).all()
    assert torch.equal(covered(flow)[0, 0], reached > 0)
