"""Pulling full-resolution sums back to the masks' resolution is exact."""

import pytest
import torch
from torch.nn import functional

from commonfate.methods.gwm import loss as gwm
from commonfate.methods.gwm.objective import upsampled_loss, upsampled_masks
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps, pull_back

SIZES = [((8, 14), (30, 53)), ((6, 6), (6, 6)), ((7, 9), (14, 18)), ((12, 10), (5, 7))]


def batch(low, full, dtype, unknown=False):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 4, *low, generator=generator, dtype=dtype)
    coarse = torch.randn(3, 2, 4, 5, generator=generator, dtype=dtype)
    flow = functional.interpolate(10 * coarse, size=full, mode="bilinear")
    if unknown:
        flow[1, :, 1:4, 2:5] = torch.nan
    return logits.requires_grad_(), flow


def pulled_back(logits, flow, model):
    size, degree = logits.shape[2:], DEGREES[model]
    filled, valid = gwm.split_unknown(flow)
    maps = flow_maps(filled, valid, size, degree)
    pixels = gwm.pixel_count(valid)
    grid = monomial_maps(valid, size, degree)
    return gwm.paper_loss_pulled_back(logits.softmax(1), maps, grid, pixels, model)


@pytest.mark.parametrize(("low", "full"), SIZES)
def test_pull_back_is_the_adjoint_of_torchs_upsampling(low, full):
    maps = torch.randn(2, *full, dtype=torch.float64)
    mask = torch.randn(1, 1, *low, dtype=torch.float64)
    large = functional.interpolate(mask, size=full, mode="bilinear", align_corners=False)[0, 0]
    x = (2 * torch.arange(full[1], dtype=torch.float64) + 1) / full[1] - 1
    y = (2 * torch.arange(full[0], dtype=torch.float64) + 1) / full[0] - 1
    low_maps = pull_back(maps, low, 2)
    assert low_maps.shape == (2, 3, 3, *low)
    for b in range(3):
        for a in range(3):
            expected = (large * maps * y[:, None] ** b * x**a).sum((1, 2))
            result = (mask[0, 0] * low_maps[:, b, a]).sum((1, 2))
            torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("model", ["constant", "affine", "quadratic"])
@pytest.mark.parametrize(("low", "full"), SIZES)
@pytest.mark.parametrize("unknown", [False, True])
def test_loss_and_gradient_equal_those_at_full_resolution(model, low, full, unknown):
    logits, flow = batch(low, full, torch.float32, unknown)
    expected = upsampled_loss(logits.double(), flow.double(), model, "paper", "probabilities")
    result = pulled_back(logits, flow, model)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=0)
    (reference,) = torch.autograd.grad(expected, logits)
    (gradient,) = torch.autograd.grad(result, logits)
    torch.testing.assert_close(
        gradient, reference, rtol=1e-5, atol=1e-5 * float(reference.abs().max())
    )


def test_the_size_of_the_paper():
    logits, flow = batch((128, 224), (480, 854), torch.float32)
    logits, flow = logits[:1], flow[:1]
    result = pulled_back(logits, flow, "quadratic")
    expected = upsampled_loss(logits, flow, "quadratic", "paper", "probabilities")
    torch.testing.assert_close(result.float(), expected, rtol=1e-5, atol=0)


def test_gradient_is_that_of_finite_differences():
    """The fit is detached; by the envelope theorem the gradient is right nevertheless."""
    logits, flow = batch((4, 5), (9, 11), torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: pulled_back(z, flow, "affine"), logits, fast_mode=True
    )


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("upsample", ["logits", "probabilities"])
def test_gradients_at_full_resolution_are_those_of_finite_differences(variant, upsample):
    logits, flow = batch((3, 4), (7, 9), torch.float64)
    flow[0, 0, 2, 3] = torch.nan
    assert torch.autograd.gradcheck(
        lambda z: upsampled_loss(z, flow, "affine", variant, upsample),
        logits,
        fast_mode=True,
    )


def test_upsampled_masks_sum_to_one():
    logits = torch.randn(2, 3, 4, 5)
    for upsample in ("logits", "probabilities"):
        masks = upsampled_masks(logits, (9, 13), upsample)
        torch.testing.assert_close(masks.sum(1), torch.ones(2, 9, 13))
