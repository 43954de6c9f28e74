"""One optimiser step, against what AdamW's first step must be."""

import math

import pytest
import torch
from lightning.fabric import Fabric

from commonfate.training.learner import Learner


@pytest.fixture
def fabric():
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    return fabric


def make_batch():
    torch.manual_seed(0)
    return {"image": torch.rand(2, 3, 4, 4), "flow": 100 * torch.rand(2, 2, 4, 4)}


def test_the_gradient_is_clipped_and_its_norm_before_is_reported(tiny, fabric):
    learner = Learner(tiny(clip_norm=0.5), fabric)
    values = learner.gradient(make_batch(), 0)
    norms = [parameter.grad.norm() for parameter in learner.network.parameters()]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.5, rel=1e-4)
    assert values["gradient_norm"] > 0.5
    assert values["root"] == pytest.approx(math.sqrt(values["loss"]))


def test_without_a_largest_norm_the_gradient_stays_and_its_norm_is_reported(tiny, fabric):
    learner = Learner(tiny(clip_norm=None), fabric)
    values = learner.gradient(make_batch(), 0)
    parameters = list(learner.network.parameters())
    result = [parameter.grad.clone() for parameter in parameters]
    learner.network.zero_grad()
    tiny().loss(learner.network, make_batch(), 0)["loss"].backward()
    for gradient, parameter in zip(result, parameters, strict=True):
        assert torch.equal(gradient, parameter.grad)
    norm = float(torch.cat([gradient.flatten() for gradient in result]).norm())
    assert values["gradient_norm"] == pytest.approx(norm)
    assert norm > 10


def test_a_norm_that_overflows_makes_no_nan_of_a_gradient_that_does_not(tiny, fabric):
    learner = Learner(tiny(clip_norm=None), fabric)
    batch = make_batch()
    values = learner.gradient(batch | {"flow": 1e30 * batch["flow"]}, 0)
    assert values["gradient_norm"] == math.inf
    assert not learner.is_finite(values)
    assert all(parameter.grad.isfinite().all() for parameter in learner.network.parameters())


def test_the_first_step_is_as_long_as_the_learning_rate(tiny, fabric):
    learner = Learner(tiny(), fabric)
    learner.gradient(make_batch(), 0)
    weight = learner.network[2].bias
    before = weight.detach().clone()
    learner.update(0.03)
    # Adam's first step is rate * g / (|g| + eps), whatever the gradient's size.
    expected = before - 0.03 * weight.grad.sign()
    torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=0)


def test_what_is_not_finite_is_noticed(tiny, fabric):
    learner = Learner(tiny(), fabric)
    assert learner.is_finite({"loss": 1.0, "gradient_norm": 2.0})
    assert not learner.is_finite({"loss": math.nan, "gradient_norm": 2.0})
    assert not learner.is_finite({"loss": 1.0, "gradient_norm": math.inf})


def test_a_group_with_a_factor_learns_at_its_own_rate(tiny, fabric):
    """As AMD's appearance pathway does."""
    method = tiny()
    method.optimiser = lambda model: torch.optim.SGD(
        [{"params": [model[0].bias]}, {"params": [model[2].bias], "factor": 0.1}], lr=1.0
    )
    learner = Learner(method, fabric)
    learner.gradient(make_batch(), 0)
    biases = [learner.network[layer].bias for layer in (0, 2)]
    before = [bias.detach().clone() for bias in biases]
    learner.update(0.03)
    for bias, old, rate in zip(biases, before, (0.03, 0.003), strict=True):
        torch.testing.assert_close(bias.detach(), old - rate * bias.grad)
