"""Schedules by hand, and groups of parameters."""

import pytest
import torch
from torch import nn

from commonfate.methods.distillation.groups import groups
from commonfate.methods.distillation.schedules import cosine, linear


def test_a_cosine_with_warm_up():
    values = [cosine(step, 7, 1.0, 0.0, warmup=3) for step in range(7)]
    expected = [0, 0.5, 1, 1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4]
    assert values == pytest.approx(expected)


def test_a_cosine_may_rise():
    assert [cosine(step, 4, 0.996, 1.0) for step in (0, 2)] == pytest.approx([0.996, 0.998])


@pytest.mark.parametrize("steps", [1, 2])
def test_short_trainings_have_finite_values(steps):
    assert cosine(steps - 1, steps, 1.0, 0.0, warmup=5) == pytest.approx((steps - 1) / 4)
    assert cosine(0, 1, 1.0, 0.0, warmup=1, start=0.5) == 0.5
    assert cosine(0, 1, 1.0, 0.0) == 1


def test_a_line_and_then_a_constant():
    values = [linear(step, 0.04, 0.07, 4) for step in range(6)]
    assert values == pytest.approx([0.04, 0.05, 0.06, 0.07, 0.07, 0.07])
    assert [linear(step, 0.04, 0.07, 0) for step in (0, 9)] == [0.07, 0.07]
    assert [linear(step, 0.04, 0.07, 1) for step in (0, 1)] == [0.04, 0.07]


def test_groups_of_a_small_network():
    network = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    network[2].bias.requires_grad_(False)
    decayed, free, late = groups(network, late=[network[2].weight], starts_at=5)
    assert decayed == {"params": [network[0].weight]}
    assert free["params"] == [network[0].bias, network[1].weight, network[1].bias]
    assert (free["decay"], free["weight_decay"]) == (False, 0)
    assert late == {"params": [network[2].weight], "starts_at": 5}
    assert len(groups(network)) == 2
    torch.optim.AdamW(groups(network), lr=1.0)
