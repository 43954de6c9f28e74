"""Closed-form fits against numpy's least squares, also where a region is nearly nothing."""

import pytest
import torch

from commonfate.methods.gwm import loss as gwm
from commonfate.methods.gwm.fit import fit, moments, without_global_fit
from commonfate.methods.gwm.objective import upsampled_loss
from commonfate.methods.gwm.polynomial import evaluate

MODELS = ["constant", "affine", "quadratic"]
SIZE = (20, 30)


def random_flow(seed, batch=2, scale=5.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(batch, 2, *SIZE, generator=generator, dtype=torch.float64)


def random_masks(seed, segments, batch=2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, segments, *SIZE, generator=generator, dtype=torch.float64)
    return (2 * logits).softmax(1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("segments", [1, 3])
def test_energies_are_those_of_weighted_least_squares(model, segments, least_squares_energies):
    masks, flow = random_masks(0, segments), random_flow(1)
    actual = gwm.paper_energies(masks, flow, model)
    torch.testing.assert_close(
        actual, least_squares_energies(masks, flow, model), rtol=1e-9, atol=0
    )


def test_a_nearly_empty_mask_is_fitted_like_any_other(least_squares_energies):
    masks, flow = random_masks(2, 2), random_flow(3)
    faint = torch.cat([1e-12 * masks[:, :1], 1 - 1e-12 * masks[:, :1]], 1)
    actual = gwm.paper_energies(faint, flow, "quadratic")
    expected = least_squares_energies(faint, flow, "quadratic")
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=0)


def test_a_small_region_is_fitted_in_spite_of_its_condition_number(least_squares_energies):
    masks = torch.full((1, 1, *SIZE), 1e-9, dtype=torch.float64)
    masks[..., 4:8, 20:25] = 1
    flow = random_flow(4, batch=1)
    actual = gwm.paper_energies(masks, flow, "quadratic")
    expected = least_squares_energies(masks, flow, "quadratic")
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=0)


def test_unknown_flow_has_no_weight(least_squares_energies):
    masks, flow = random_masks(5, 3), random_flow(6)
    flow[0, 0, 3:9, 2:20] = torch.nan
    flow[1, 1, 15] = torch.inf
    actual = gwm.paper_energies(masks, flow, "affine")
    expected = least_squares_energies(masks, flow, "affine")
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=0)
    reference = flow.isfinite().all(1).sum((1, 2))
    loss = gwm.paper_loss(masks, flow, "affine")
    torch.testing.assert_close(loss, (expected.sum(1) / reference).mean(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("case", ["vanished", "one segment", "constant flow", "no flow"])
def test_degenerate_input_gives_finite_losses_and_gradients(variant, case):
    logits = torch.randn(2, 1 if case == "one segment" else 3, 5, 7)
    flow = random_flow(7).float()
    if case == "vanished":
        logits[:, 0] = -1e4  # softmax underflows to exactly 0
    if case == "constant flow":
        flow = torch.tensor([3.0, -2.0])[:, None, None].expand(2, 2, *SIZE).clone()
    if case == "no flow":
        flow = torch.full_like(flow, torch.nan)
    logits.requires_grad_()
    loss = upsampled_loss(logits, flow, "quadratic", variant, "probabilities")
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    if case in ("constant flow", "no flow"):
        assert loss < 1e-9


def test_coefficients_of_a_known_motion_are_found():
    theta = torch.tensor([[1.0, 2], [3, 4], [5, 6], [-7, 8], [9, -1], [2, 3]], dtype=torch.float64)
    flow = evaluate(theta, SIZE, 2)[None]
    masks = random_masks(8, 2, batch=1)
    actual = fit(moments(masks, flow, 2))
    torch.testing.assert_close(actual, theta.expand(1, 2, 6, 2), rtol=0, atol=1e-8)


def test_the_fit_of_nothing_is_zero():
    nothing = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
    assert torch.equal(
        fit(moments(nothing, random_flow(9, 1), 1)), torch.zeros(1, 1, 3, 2).double()
    )


def test_global_fit_leaves_energies_unchanged_and_removes_the_dominant_motion(
    least_squares_energies,
):
    theta = torch.tensor([[[40.0, -30], [10, 5], [2, 1]]], dtype=torch.float64)
    noise = random_flow(10, 1, scale=0.1)
    flow = evaluate(theta, SIZE, 1) + noise
    residual = without_global_fit(flow, torch.ones(1, *SIZE, dtype=torch.bool), 1)
    assert residual.square().mean() < 1.01 * noise.square().mean()
    masks = random_masks(11, 3, batch=1)
    torch.testing.assert_close(
        least_squares_energies(masks, residual, "affine"),
        least_squares_energies(masks, flow, "affine"),
    )
