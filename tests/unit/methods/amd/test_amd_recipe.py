"""Learning rate and optimiser of AMD."""

import pytest
import torch
from torch import nn

from commonfate.methods import create
from commonfate.methods.amd.settings import AmdSettings

PAPER = create(AmdSettings())
RELEASED = create(AmdSettings(schedule="polynomial"))


@pytest.mark.parametrize("iteration", [0, 1, 399_999, 400_000])
def test_the_papers_rate_is_constant(iteration):
    assert PAPER.learning_rate(iteration) == 1e-4


def test_the_released_rate_falls_to_a_millionth():
    assert RELEASED.learning_rate(0) == 1e-4
    assert RELEASED.learning_rate(200_000) == pytest.approx(1e-6 + 99e-6 * 0.5**0.9)
    assert RELEASED.learning_rate(400_000) == 1e-6
    assert RELEASED.learning_rate(500_000) == 1e-6
    rates = [RELEASED.learning_rate(iteration) for iteration in range(0, 400_001, 1000)]
    assert rates == sorted(rates, reverse=True)


def test_the_rate_warms_up_linearly():
    subject = create(AmdSettings(warmup_iterations=10))
    rates = [subject.learning_rate(iteration) for iteration in (0, 4, 9, 10, 1000)]
    assert rates == pytest.approx([1e-5, 5e-5, 1e-4, 1e-4, 1e-4])


def test_adaptation_may_have_a_rate_of_its_own():
    assert create(AmdSettings()).adaptation_rate == 1e-4
    assert create(AmdSettings(adaptation_rate=0.1)).adaptation_rate == pytest.approx(1e-5)


def test_flow_that_has_left_the_image_is_trouble():
    subject = create(AmdSettings())
    assert subject.check_losses({"loss": 0.5, "flow": 384.0}) is None
    assert "flow is 1109 pixels long on average, out of images of 384" in subject.check_losses(
        {"loss": 0.5, "flow": 1109.2}
    )


def test_the_optimiser_is_adam_on_all_parameters():
    model = create(AmdSettings(size="small")).build()
    optimiser = PAPER.optimiser(model)
    assert type(optimiser) is torch.optim.Adam
    for group in optimiser.param_groups:
        assert (group["lr"], group["weight_decay"], group["betas"]) == (1e-4, 1e-6, (0.9, 0.999))
    learnt = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(learnt) == sorted(id(p) for p in model.parameters())


def test_the_appearance_pathway_may_learn_more_slowly():
    settings = AmdSettings(size="small", appearance_rate=0.3)
    motion, appearance = create(settings).optimiser(create(settings).build()).param_groups
    assert (motion.get("factor", 1), appearance["factor"]) == (1, 0.3)


def test_weight_decay_is_a_part_of_the_gradient():
    """Adam's first step has the gradient's sign; decoupled decay alone would move a fraction."""
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    layer.weight.grad = torch.zeros(1, 1)
    model = nn.ModuleDict({"motion": layer, "appearance": nn.Linear(1, 1)})
    PAPER.optimiser(model).step()
    assert float(layer.weight.detach()) == pytest.approx(2 - 1e-4, abs=2e-6)
