"""Regions that are hardly there and flow that is hardly known: exact fits, finite gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.methods.gwm import loss as gwm
from commonfate.methods.gwm.objective import upsampled_loss, upsampled_masks
from commonfate.methods.gwm.polynomial import DEGREES
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps

SIZE = (20, 30)
MODELS = sorted(DEGREES)
REGIONS = ["even", "noise", "box", "row", "pixel", "two pixels", "faint", "fainter", "nothing"]
FLOWS = ["noise", "constant", "still", "fast", "hole", "half", "one pixel", "nothing"]


def region(kind, seed):
    """(H, W) float64 probabilities."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(SIZE, generator=generator, dtype=torch.float64)
    i, j = (int(torch.randint(side - 8, (), generator=generator)) for side in SIZE)
    mask = torch.zeros(SIZE, dtype=torch.float64)
    match kind:
        case "even":
            return torch.full_like(mask, 0.25)
        case "noise" | "faint" | "fainter":
            return noise * {"noise": 1, "faint": 1e-12, "fainter": 1e-35}[kind]
        case "box":
            mask[i : i + 5, j : j + 8] = noise[:5, :8]
        case "row":
            mask[i] = 1
        case "pixel":
            mask[i, j] = 1
        case "two pixels":
            mask[i, j] = mask[i + 7, j + 3] = 0.5
    return mask


def field(kind, seed):
    """(2, H, W) float64 flow, pixels."""
    generator = torch.Generator().manual_seed(100 + seed)
    flow = 3 * torch.randn(2, *SIZE, generator=generator, dtype=torch.float64)
    match kind:
        case "constant":
            flow = torch.tensor([3.0, -2.0]).double()[:, None, None].expand(2, *SIZE).clone()
        case "still":
            flow = torch.zeros(2, *SIZE, dtype=torch.float64)
        case "fast":
            flow += 500
        case "hole":
            flow[:, 4:15, 3:20] = torch.nan
        case "half":
            flow[0, :, :15] = torch.inf
        case "one pixel":
            flow[:, 1:] = torch.nan
            flow[:, 0, 1:] = torch.nan
        case "nothing":
            flow[:] = torch.nan
    return flow


def unfitted(masks, flow):
    """(B, K) energies of no motion at all: differences of such sums lose digits in proportion."""
    return torch.einsum("bkhw,bchw->bk", masks, flow.nan_to_num(0, posinf=0).square())


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("model", MODELS)
def test_energies_are_those_of_least_squares(model, flow, least_squares_energies):
    masks = torch.stack([region(kind, k) for k, kind in enumerate(REGIONS)])[None]
    field_ = field(flow, 0)[None]
    result = gwm.paper_energies(masks, field_, model)
    expected = least_squares_energies(masks, field_, model)
    assert ((result - expected).abs() <= 1e-7 * expected + 1e-9 * unfitted(masks, field_)).all()


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("model", MODELS)
def test_the_pulled_back_loss_is_that_of_least_squares(model, flow, least_squares_energies):
    low = torch.stack([region(kind, k) for k, kind in enumerate(REGIONS)])[None, :, ::2, ::3]
    target = field(flow, 1)
    filled, valid = gwm.split_unknown(target[None])
    maps = flow_maps(filled, valid, low.shape[2:], DEGREES[model])
    grid = monomial_maps(valid, low.shape[2:], DEGREES[model])
    pixels = gwm.pixel_count(valid)
    result = gwm.paper_loss_pulled_back(low, maps, grid, pixels, model)
    masks = torch.nn.functional.interpolate(low, size=SIZE, mode="bilinear")
    expected = least_squares_energies(masks, target[None], model).sum() / pixels[0]
    largest = unfitted(masks, target[None]).sum() / pixels[0]
    assert (result - expected).abs() <= 1e-7 * expected + 1e-9 * largest


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("model", MODELS)
def test_the_released_reconstruction_is_that_of_least_squares(
    model, flow, least_squares_reconstruction
):
    masks = torch.stack([region(kind, k) for k, kind in enumerate(REGIONS)])[None]
    masks = masks / masks.sum(1, keepdim=True)
    target = field(flow, 2)[None]
    result = gwm.released_reconstruction(masks, target, model)
    reference = target.isfinite().all(1, keepdim=True)
    expected = least_squares_reconstruction(masks, target, model)
    tolerance = 1e-6 * (1 + target.nan_to_num(0, posinf=0).abs().max())
    assert ((result - expected) * reference).abs().max() <= tolerance


@settings(max_examples=60, deadline=None)
@given(
    variant=st.sampled_from(["paper", "released"]),
    upsample=st.sampled_from(["probabilities", "logits"]),
    model=st.sampled_from(MODELS),
    kinds=st.lists(st.sampled_from(FLOWS), min_size=1, max_size=2),
    offsets=st.lists(
        st.sampled_from([0.0, -30, -55, -70, -90, -104, -1e4]), min_size=1, max_size=4
    ),
    spike=st.sampled_from([0.0, 30, 200, 1e4]),
    seed=st.integers(0, 99),
)
def test_losses_and_gradients_are_finite(variant, upsample, model, kinds, offsets, spike, seed):
    """Probabilities down to denormal floats and to exactly 0, regions of a single pixel."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(kinds), len(offsets), 10, 15, generator=generator)
    logits += torch.tensor(offsets)[:, None, None]
    logits[:, 0, seed % 10, seed % 15] += spike
    logits.requires_grad_()
    flow = torch.stack([field(kind, seed) for kind in kinds]).float()
    loss = upsampled_loss(logits, flow, model, variant, upsample)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    if len(offsets) == 1:
        assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_gradients_of_a_vanishing_region_go_to_zero(variant):
    """Without rescaling, squares of 1e-24 are denormal and the released gradient is NaN."""
    flow = field("noise", 3)[None].float()
    largest = []
    for offset in (0, -20, -55, -80):
        logits = torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(4))
        logits[:, 0] += offset
        logits.requires_grad_()
        upsampled_loss(logits, flow, "quadratic", variant, "probabilities").backward()
        largest.append(float(logits.grad[:, 0].abs().max()))
    assert largest == sorted(largest, reverse=True)
    assert 0 < largest[-1] < 1e-30


def test_one_region_has_no_gradient_and_the_energy_of_the_global_fit(least_squares_energies):
    flow = field("noise", 5)[None]
    logits = torch.randn(1, 1, 10, 15, dtype=torch.float64, requires_grad=True)
    loss = upsampled_loss(logits, flow, "quadratic", "paper", "probabilities")
    loss.backward()
    masks = upsampled_masks(logits.detach(), SIZE, "probabilities")
    expected = least_squares_energies(masks, flow, "quadratic").sum() / masks[0].numel()
    torch.testing.assert_close(loss.detach(), expected)
    assert torch.equal(logits.grad, torch.zeros_like(logits))
