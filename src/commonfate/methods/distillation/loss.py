"""Cross-entropy between the outputs of teacher and student, and the centre (DINO, Eq. 2-4).

All in float32: at a temperature of 0.03 the exponential of 1 is 3e14, beyond 16 bits.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from commonfate.models.together import mean_over_processes


class Spread(NamedTuple):
    """Means that tell if the teacher's outputs collapse.

    Attributes:
        entropy: mean entropy of its distributions, in nats; log K where all are uniform.
        entropy_of_mean: entropy of their mean over the batch; 0 where one output always wins, and
            equal to `entropy` where all rows are alike.
    """

    entropy: Tensor
    entropy_of_mean: Tensor


def sharpened(teacher: Tensor, centre: Tensor, temperature: float) -> Tensor:
    """The teacher's distributions: centred outputs, sharpened by a low temperature.

    Args:
        teacher: (..., K) floating, its logits.
        centre: (K), (1, K) float32.
        temperature: above 0.

    Returns:
        (..., K) float32, without gradient.
    """
    return ((teacher.detach().float() - centre) / temperature).softmax(-1)


def cross_entropy(student: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy over all pairs of a teacher's crop and another of the student's crops.

    DINO, Eq. 3. The teacher's crops are the first of the student's; a crop is not compared with
    itself.

    Args:
        student: (V, B, K) floating: logits of V crops of each of B images.
        targets: (T, B, K) float32: the teacher's distributions for the first T of these crops.
        temperature: of the student, above 0.

    Returns:
        Scalar, float32.

    Raises:
        ValueError: images or outputs differ in number, there is no image, T is not in 1 to V, or
            there is no pair of different crops.
    """
    crops, teacher_crops = len(student), len(targets)
    if student.shape[1:] != targets.shape[1:] or not 1 <= teacher_crops <= crops or crops < 2:
        raise ValueError(
            f"expected (V, B, K) logits and (T, B, K) targets with V > 1 and T in 1 to V; got "
            f"{tuple(student.shape)} and {tuple(targets.shape)}"
        )
    if student.shape[1] == 0:
        raise ValueError(f"expected at least one image, got logits {tuple(student.shape)}")
    logs = (student.float() / temperature).log_softmax(-1)
    # One product of matrices (T, B K) and (B K, V) instead of a loop over pairs.
    pairs = -(targets.flatten(1) @ logs.flatten(1).T) / student.shape[1]
    return (pairs.sum() - pairs.diagonal().sum()) / (teacher_crops * (crops - 1))


def next_centre(centre: Tensor, teacher: Tensor, momentum: float) -> Tensor:
    """The centre after a step: a moving average of the teacher's mean logits (DINO, Eq. 4).

    The mean is over all processes, which must have equally many rows.

    Args:
        centre: (1, K) float32.
        teacher: (..., K) floating, its logits in this process.
        momentum: in [0, 1].

    Returns:
        (1, K) float32, without gradient.
    """
    rows = teacher.detach().float().flatten(0, -2)
    mean = mean_over_processes(rows.mean(0, keepdim=True))
    return centre * momentum + mean * (1 - momentum)


def spread(targets: Tensor) -> Spread:
    """Entropies of the teacher's distributions (..., K), in this process."""
    rows = targets.flatten(0, -2)
    return Spread(torch.special.entr(rows).sum(1).mean(), torch.special.entr(rows.mean(0)).sum())
