"""Optimal transport by hand, and scores without sense."""

import math

import pytest
import torch

from commonfate.methods.timet.sinkhorn import assign


def random_scores(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_balanced_scores_are_a_softmax():
    scores = torch.tensor([[0.05 * math.log(3), 0.0], [0.0, 0.05 * math.log(3)]])
    assert torch.allclose(assign(scores), torch.tensor([[0.75, 0.25], [0.25, 0.75]]))


def test_scaling_keeps_the_ratio_of_odds():
    """2 x 2 with equal masses: p / (1 - p) is the root of ad / bc, here of 9 * 4 / (1 * 1)."""
    scores = torch.tensor([[9.0, 1.0], [1.0, 4.0]]).log()
    expected = torch.tensor([[6 / 7, 1 / 7], [1 / 7, 6 / 7]])
    assert torch.allclose(assign(scores, epsilon=1, iterations=100), expected)


def test_a_prototype_that_all_samples_prefer_is_no_better_for_any():
    """Scores that are a sum of a sample's and a prototype's part say nothing about pairs."""
    scores = random_scores(5, 1) + random_scores(1, 4)
    assert torch.allclose(assign(scores, iterations=1), torch.full((5, 4), 0.25), atol=1e-5)


def test_prototypes_have_equal_mass_and_samples_sum_to_one():
    assignments = assign(random_scores(60, 4), epsilon=0.25, iterations=50)
    assert torch.allclose(assignments.sum(1), torch.ones(60))
    assert torch.allclose(assignments.sum(0), torch.full((4,), 15.0), atol=1e-3)


def test_without_iterations_it_is_a_softmax():
    scores = random_scores(6, 3)
    assert torch.equal(assign(scores, iterations=0), (scores / 0.05).softmax(1))


def test_a_prototype_without_mass_gets_its_share():
    """exp(-1 / 0.005) is 0 in 32 bits, where dividing by its sum would give NaN."""
    scores = torch.full((8, 4), 0.5)
    scores[:, 3] = -1
    assert (scores[:, 3] / 0.005).exp().sum() == 0
    assert torch.allclose(assign(scores, epsilon=0.005), torch.full((8, 4), 0.25), atol=1e-4)


@pytest.mark.parametrize("samples", [1, 3])
def test_fewer_samples_than_prototypes(samples):
    assignments = assign(random_scores(samples, 7), iterations=100)
    assert torch.allclose(assignments.sum(1), torch.ones(samples))
    assert torch.allclose(assignments.sum(0), torch.full((7,), samples / 7), atol=1e-3)


def test_no_sample():
    assert assign(torch.zeros(0, 3)).shape == (0, 3)


def test_extreme_cosines_are_finite_at_the_temperature_of_the_paper():
    scores = torch.where(random_scores(30, 20) > 0, 1.0, -1.0)
    assert assign(scores).isfinite().all()
    assert assign(scores.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_scores_that_are_not_finite_are_seen(value):
    scores = random_scores(6, 3)
    scores[2, 1] = value
    assert assign(scores).isnan().all()


def test_no_gradient():
    assert not assign(random_scores(4, 3).requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("shape", "epsilon", "iterations"),
    [((3,), 0.05, 1), ((3, 0), 0.05, 1), ((3, 2), 0, 1), ((3, 2), 0.05, -1)],
)
def test_refused(shape, epsilon, iterations):
    with pytest.raises(ValueError, match="expected scores"):
        assign(torch.zeros(shape), epsilon, iterations)
