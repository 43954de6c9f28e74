"""Learning rate and optimiser of Guess What Moves."""

import pytest
import torch
from torch import nn

from commonfate.methods import create
from commonfate.methods.gwm.method import parameter_groups
from commonfate.methods.gwm.settings import GwmSettings
from commonfate.training.learner import synchronised

PAPER = create(GwmSettings())
RELEASED = create(GwmSettings(decay_iterations=160_000))


def test_warm_up_starts_at_its_first_rate():
    assert PAPER.learning_rate(0) == 1e-6


def test_warm_up_is_linear_times_the_decay():
    decay = (1 - 750 / 15_000) ** 0.9
    assert PAPER.learning_rate(750) == pytest.approx((1e-6 + 7e-4) / 2 * decay)


def test_decay_is_polynomial_over_the_planned_iterations():
    assert PAPER.learning_rate(7_500) == pytest.approx(7e-4 * 0.5**0.9)
    assert RELEASED.learning_rate(7_500) == pytest.approx(7e-4 * (1 - 7_500 / 160_000) ** 0.9)
    assert PAPER.learning_rate(15_000) == 0


def test_highest_rate_is_where_the_warm_up_ends():
    rates = [PAPER.learning_rate(iteration) for iteration in range(0, 15_000, 100)]
    assert rates.index(max(rates)) == 15


def test_no_warm_up():
    assert create(GwmSettings(warmup_iterations=0)).learning_rate(0) == 7e-4


def test_the_optimiser_is_adamw_at_the_first_rate():
    optimiser = PAPER.optimiser(nn.Linear(2, 3))
    assert type(optimiser) is torch.optim.AdamW
    for group in optimiser.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (1e-6, (0.9, 0.999), 1e-8)


def test_norms_alone_have_no_weight_decay_in_the_u_net():
    method = create(GwmSettings(width=4))
    model = method.build()
    decayed, others = method.optimiser(model).param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.01, 0)
    assert len(decayed["params"]) == 18 + 2 * 4 + 2  # convolutions; with bias: upwards, head
    assert len(others["params"]) == 2 * 18  # batch norms
    assert len(decayed["params"]) + len(others["params"]) == len(list(model.parameters()))


def test_norms_that_processes_share_have_no_weight_decay_either():
    method = create(GwmSettings(width=4))
    groups = [
        [tuple(item.shape) for item in group["params"]]
        for group in method.optimiser(synchronised(method.build())).param_groups
    ]
    alone = method.optimiser(method.build()).param_groups
    assert groups == [[tuple(item.shape) for item in group["params"]] for group in alone]


def test_norms_and_embeddings_have_no_weight_decay_and_frozen_parts_no_group():
    model = nn.ModuleDict({"linear": nn.Linear(2, 3), "norm": nn.LayerNorm(3)})
    model["queries"] = nn.Embedding(4, 3)
    model["frozen"] = nn.Linear(3, 3).requires_grad_(False)
    model["vit"] = nn.Module()
    model["vit"].pos_embed = nn.Parameter(torch.zeros(1, 5, 3))
    decayed, others = parameter_groups(GwmSettings(), model)
    assert [len(group["params"]) for group in (decayed, others)] == [2, 2 + 1 + 1]
    assert any(item is model["linear"].bias for item in decayed["params"])
    assert any(item is model["queries"].weight for item in others["params"])
