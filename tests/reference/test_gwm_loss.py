"""Guess What Moves: the losses against recorded arrays (gwm_quadratic.npz)."""

import pytest
import torch

from commonfate.methods.gwm import loss as gwm
from commonfate.methods.gwm.fit import fit, moments, without_global_fit
from commonfate.methods.gwm.objective import upsampled_loss, upsampled_masks
from commonfate.methods.gwm.polynomial import DEGREES, evaluate, powers
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps

MODELS = ["constant", "affine", "quadratic"]


@pytest.fixture
def recording(recorded):
    return recorded("gwm_quadratic.npz")


@pytest.fixture
def data(recording):
    return recording.tensors()


@pytest.fixture
def masks(data):
    return data["mask_logits"].double().softmax(1)


def test_masks(recording, data):
    masks = data["mask_logits"].softmax(1)
    recording.check("masks", masks)


@pytest.mark.parametrize("model", MODELS)
def test_paper_energies(recording, data, masks, model):
    result = gwm.paper_energies(masks, data["flow"].double(), model)
    recording.check(f"paper_energy_{model}_64", result)


@pytest.mark.parametrize("model", MODELS)
def test_paper_loss(recording, data, masks, model):
    batch, _, height, width = data["flow"].shape
    result = gwm.paper_loss(masks, data["flow"].double(), model)
    scales = {
        "mean_over_pixels_mean_over_batch": 1,
        "mean_over_pixels_sum_over_batch": batch,
        "sum_over_pixels_sum_over_batch": batch * height * width,
    }
    for name, scale in scales.items():
        recording.check(f"paper_loss_{model}_{name}_64", result * scale)


@pytest.mark.parametrize("model", MODELS)
def test_paper_reconstruction(recording, data, masks, model):
    flow, degree = data["flow"].double(), DEGREES[model]
    valid = torch.ones(flow.shape[0], *flow.shape[2:], dtype=torch.bool)
    residual = without_global_fit(flow, valid, degree)
    models = evaluate(fit(moments(masks, residual, degree)), flow.shape[2:], degree)
    result = (masks[:, :, None] * models).sum(1) + flow - residual
    recording.check(f"paper_reconstruction_{model}", result)


def test_paper_gradient(recording, data):
    logits = data["mask_logits"].double().requires_grad_()
    loss = len(logits) * gwm.paper_loss(logits.softmax(1), data["flow"].double(), "quadratic")
    (result,) = torch.autograd.grad(loss, logits)
    recording.check("paper_grad_logits_quadratic_mean_over_pixels_sum_over_batch", result)


def test_released_in_float64(recording, data, masks):
    """To 1e-8: the recorded run has coordinates rounded to float32, worth 1.4e-9 here."""
    result = gwm.released_loss(masks, data["flow"].double(), "quadratic")
    torch.testing.assert_close(result, data["released_loss_64"], rtol=1e-8, atol=0)


def test_released_in_float32(recording, data):
    logits = data["mask_logits"].requires_grad_()
    masks, flow = logits.softmax(1), data["flow"]
    reconstruction = gwm.released_reconstruction(masks, flow, "quadratic")
    recording.check("released_reconstruction", reconstruction)
    loss = gwm.released_loss(masks, flow, "quadratic")
    recording.check("released_loss", loss)
    (gradient,) = torch.autograd.grad(loss, logits)
    recording.check("released_grad_logits", gradient)


def test_released_gradient_in_float64(recording, data):
    """The recorded gradient is float32, so float64 is within the f64 tolerance of the README."""
    logits = data["mask_logits"].double().requires_grad_()
    loss = gwm.released_loss(logits.softmax(1), data["flow"].double(), "quadratic")
    (gradient,) = torch.autograd.grad(loss, logits)
    recorded = data["released_grad_logits"].double()
    torch.testing.assert_close(gradient, recorded, atol=1e-7, rtol=0)


def test_released_with_upsampled_probabilities(recording, data):
    logits = data["lowres/mask_logits"].requires_grad_()
    flow = data["flow"]
    masks = upsampled_masks(logits, flow.shape[2:], "probabilities")
    reconstruction = gwm.released_reconstruction(masks, flow, "quadratic")
    recording.check("lowres/released_reconstruction", reconstruction)
    loss = upsampled_loss(logits, flow, "quadratic", "released", "probabilities")
    recording.check("lowres/released_loss", loss)
    (gradient,) = torch.autograd.grad(loss, logits)
    recording.check("lowres/released_grad_logits", gradient)


def test_released_with_upsampled_logits(recording, data):
    result = upsampled_loss(
        data["lowres/mask_logits"], data["flow"], "quadratic", "released", "logits"
    )
    recording.check("lowres/released_loss_if_logits_were_upsampled", result)


@pytest.mark.parametrize("upsample", ["logits", "probabilities"])
def test_paper_with_either_upsampling(recording, data, upsample):
    logits, flow = data["lowres/mask_logits"].double(), data["flow"].double()
    result = len(flow) * upsampled_loss(logits, flow, "quadratic", "paper", upsample)
    key = f"lowres/paper_loss_quadratic_{upsample}_upsampled_mean_over_pixels_sum_over_batch_64"
    recording.check(key, result)


def test_paper_pulled_back(recording, data):
    logits, flow = data["lowres/mask_logits"].double(), data["flow"].double()
    size = logits.shape[2:]
    filled, valid = gwm.split_unknown(flow)
    maps, grid = flow_maps(filled, valid, size, 2), monomial_maps(valid[:1], size, 2)[0]
    result = len(flow) * gwm.paper_loss_pulled_back(
        logits.softmax(1), maps, grid, gwm.pixel_count(valid), "quadratic"
    )
    key = "lowres/paper_loss_quadratic_probabilities_upsampled_mean_over_pixels_sum_over_batch_64"
    recording.check(key, result)


def test_coordinates_are_an_affine_map_of_the_released_ones(recording, data):
    """Any such map leaves every fit as it is. There, x is the vertical coordinate, in [0, 1)."""
    height, width = data["grid_x"].shape
    for grid, size in ((data["grid_x"][:, 0], height), (data["grid_y"][0], width)):
        result = powers(size, 1, torch.zeros((), dtype=torch.float64))[1]
        torch.testing.assert_close(result, 2 * grid.double() + 1 / size - 1, atol=1e-6, rtol=0)
    assert torch.equal(data["grid_x"], data["grid_x"][:, :1].expand(height, width))
    assert torch.equal(data["grid_y"], data["grid_y"][:1].expand(height, width))
