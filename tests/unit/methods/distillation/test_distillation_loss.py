"""Distillation by hand: pairs of crops, sharpening, the centre, and inputs without sense."""

import math

import pytest
import torch

from commonfate.methods.distillation import loss


def test_only_pairs_of_different_crops_count():
    """Two teacher crops, three of the student; log-probabilities that tell the pairs apart."""
    logits = torch.tensor([[[0.0, 0.0]], [[math.log(3), 0.0]], [[0.0, math.log(4)]]])
    targets = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    # Crop 0 against student crops 1 and 2, crop 1 against student crops 0 and 2.
    pairs = [-math.log(3 / 4), -math.log(1 / 5), -math.log(1 / 2), -math.log(4 / 5)]
    value = loss.cross_entropy(logits, targets, 1.0)
    assert value.item() == pytest.approx(sum(pairs) / 4, rel=1e-6)
    halved = loss.cross_entropy(logits / 2, targets, 0.5)
    assert halved.item() == pytest.approx(value.item(), rel=1e-6)


def test_it_is_a_mean_over_images():
    torch.manual_seed(0)
    student, targets = torch.randn(4, 6, 5), torch.randn(2, 6, 5).softmax(-1)
    each = [
        loss.cross_entropy(student[:, [b]], targets[:, [b]], 0.1).item()
        for b in range(student.shape[1])
    ]
    whole = loss.cross_entropy(student, targets, 0.1).item()
    assert whole == pytest.approx(sum(each) / 6, rel=1e-5)


def test_uniform_outputs_give_the_logarithm_of_their_number():
    uniform = torch.full((2, 3, 8), 1 / 8)
    value = loss.cross_entropy(torch.zeros(4, 3, 8), uniform, 0.1)
    assert value.item() == pytest.approx(math.log(8), rel=1e-6)
    entropies = loss.spread(uniform)
    assert entropies.entropy.item() == pytest.approx(math.log(8), rel=1e-6)
    assert entropies.entropy_of_mean.item() == pytest.approx(math.log(8), rel=1e-6)


def test_spread_of_outputs_that_collapse_and_of_outputs_that_differ():
    collapsed = torch.tensor([[1.0, 0, 0, 0]]).expand(6, 4)
    assert [value.item() for value in loss.spread(collapsed)] == [0, 0]
    entropy, of_mean = loss.spread(torch.eye(4).reshape(2, 2, 4))
    assert entropy.item() == 0
    assert of_mean.item() == pytest.approx(math.log(4), rel=1e-6)


def test_16_bit_logits_are_sharpened_in_float32():
    logits = torch.tensor([[[4.0, 0.0, -4.0]]], dtype=torch.float16)
    targets = loss.sharpened(logits, torch.zeros(1, 3), 0.03)
    assert targets.dtype == torch.float32
    assert targets.isfinite().all()
    value = loss.cross_entropy(logits.expand(2, 1, 3).requires_grad_(), targets, 0.1)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(0, abs=1e-6)


def test_a_centre_takes_away_what_all_rows_share():
    logits = torch.tensor([[2.0, 1.0]])
    targets = loss.sharpened(logits, torch.tensor([[1.0, 0.0]]), 0.5)
    torch.testing.assert_close(targets, torch.tensor([[0.5, 0.5]]))


def test_the_centre_moves_towards_the_mean():
    teacher = torch.tensor([[[1.0, 0.0]], [[3.0, 2.0]]])
    after = loss.next_centre(torch.tensor([[10.0, 0.0]]), teacher, 0.9)
    torch.testing.assert_close(after, torch.tensor([[9.2, 0.1]]))


def test_no_gradient_reaches_the_teacher():
    teacher = torch.randn(2, 1, 3, requires_grad=True)
    targets = loss.sharpened(teacher, torch.zeros(1, 3), 0.1)
    assert not targets.requires_grad
    assert not loss.next_centre(torch.zeros(1, 3), teacher, 0.9).requires_grad


@pytest.mark.parametrize(
    ("student", "targets"),
    [
        ((1, 2, 3), (1, 2, 3)),  # no other crop
        ((2, 2, 3), (3, 2, 3)),  # more crops of the teacher
        ((4, 2, 3), (2, 1, 3)),  # other images
        ((4, 2, 3), (2, 2, 4)),  # other outputs
        ((4, 0, 3), (2, 0, 3)),  # no image
        ((4, 2, 3), (0, 2, 3)),  # no crop of the teacher
    ],
)
def test_inputs_without_a_pair_are_refused(student, targets):
    with pytest.raises(ValueError, match="expected"):
        loss.cross_entropy(torch.zeros(student), torch.zeros(targets), 0.1)


def test_nan_is_seen():
    """The loop stops at a loss that is not finite, so NaN must reach it."""
    student = torch.zeros(2, 1, 3)
    student[0, 0, 0] = torch.nan
    assert loss.cross_entropy(student, torch.full((2, 1, 3), 1 / 3), 0.1).isnan()
