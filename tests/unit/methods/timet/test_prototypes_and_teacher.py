"""Prototypes of unit length, the teacher that follows, and the queue."""

import pytest
import torch
from torch import nn

from commonfate.methods.timet.prototypes import Prototypes
from commonfate.methods.timet.queue import Queue
from commonfate.methods.timet.teacher import follow


def norms(prototypes):
    return prototypes.weight.detach().norm(dim=1)


def test_scores_are_cosines():
    prototypes = Prototypes(2, 2)
    with torch.no_grad():
        prototypes.weight.copy_(torch.tensor([[1.0, 0], [0.6, 0.8]]))
    scores = prototypes(torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]]))
    torch.testing.assert_close(scores, torch.tensor([[[0.6, 1.0]], [[0.0, 0.0]]]))


def test_scores_are_32_bits_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        scores = Prototypes(3, 4)(torch.ones(2, 4, dtype=torch.bfloat16))
    assert scores.dtype == torch.float32


def test_unit_length_at_the_start_and_after_a_step():
    torch.manual_seed(0)
    prototypes = Prototypes(5, 3)
    torch.testing.assert_close(norms(prototypes), torch.ones(5))
    optimiser = torch.optim.AdamW(prototypes.parameters(), lr=0.1, weight_decay=0.4)
    prototypes(torch.randn(7, 3)).logsumexp(1).mean().backward()
    optimiser.step()
    assert (norms(prototypes) - 1).abs().min() > 1e-3
    direction = prototypes.weight.detach().clone()
    prototypes.renormalise()
    torch.testing.assert_close(norms(prototypes), torch.ones(5))
    cosines = nn.functional.cosine_similarity(prototypes.weight, direction)
    torch.testing.assert_close(cosines, torch.ones(5))


@pytest.mark.parametrize(("inverted", "expected"), [(False, 0.9), (True, 0.1)])
def test_momentum_is_the_share_of_the_teacher_or_of_the_student(inverted, expected):
    teacher, student = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    with torch.no_grad():
        student.weight.zero_()
        student.running_mean.fill_(7)
    follow(teacher, student, 0.9, inverted)
    assert teacher.weight.item() == pytest.approx(expected)
    assert teacher.running_mean.item() == 7


def test_the_teacher_s_prototypes_keep_their_unit_length():
    torch.manual_seed(0)
    teacher, student = nn.Sequential(Prototypes(3, 4)), nn.Sequential(Prototypes(3, 4))
    before = student[0].weight.detach().clone()
    follow(teacher, student, 0.5)
    torch.testing.assert_close(norms(teacher[0]), torch.ones(3))
    torch.testing.assert_close(student[0].weight.detach(), before)


def rows(first, last):
    """Clips of two patches each, with a single channel that counts."""
    return torch.arange(first, last, dtype=torch.float32).reshape(-1, 2, 1)


def test_a_queue_is_used_when_it_is_full_and_forgets_the_oldest():
    queue = Queue(6, 1)
    queue.push(rows(0, 4))
    assert queue.share().shape == (0, 1)
    queue.push(rows(4, 8))
    newest, older = queue.share()[:4].flatten(), queue.share()[4:].flatten()
    assert sorted(newest.tolist()) == [4, 5, 6, 7]
    assert set(older.tolist()) < {0, 1, 2, 3}
    assert queue.filled == 6


def test_a_queue_takes_some_patches_of_a_batch():
    queue = Queue(6, 1)
    queue.push(rows(0, 8), of_clip=1)
    assert queue.filled == 4
    assert len(set(queue.rows[:4].flatten().tolist())) == 4


def test_a_queue_smaller_than_a_batch():
    queue = Queue(3, 1)
    queue.push(rows(10, 20))
    assert len(set(queue.share().flatten().tolist())) == 3
    assert queue.share().min() >= 10


def test_draws_depend_on_the_seed_alone_and_the_queue_is_saved():
    states = []
    for _ in range(2):
        queue = Queue(4, 1)
        torch.manual_seed(3)
        queue.push(rows(0, 8), of_clip=1)
        states.append(queue.state_dict())
    assert states[0].keys() == {"rows", "filled"}
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    resumed = Queue(4, 1)
    resumed.load_state_dict(states[0])
    assert torch.equal(resumed.share(), queue.share())
