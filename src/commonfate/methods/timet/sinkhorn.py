"""Assignments of patches to prototypes by optimal transport, as TimeT's targets.

Salehi et al., "Time Does Tell", ICCV 2023, Eq. 7 and 8: the transport that follows the scores, has
much entropy, gives all prototypes the same mass and takes the same mass from all samples. It is
approached by Sinkhorn-Knopp, which scales the two sides in turn.

Everything stays in logarithms: at the paper's temperature of 0.05 a score of 1 is exp(20), too much
for 16 bits, and at lower ones a prototype that lies far from all samples would lose all its mass in
32 bits, too.
"""

import math

import torch
from torch import Tensor

from commonfate.models.together import logsumexp_over_processes, sum_over_processes


@torch.no_grad()
def assign(scores: Tensor, epsilon: float = 0.05, iterations: int = 10) -> Tensor:
    """Soft assignments of samples to prototypes, of equal mass for each prototype.

    The samples of all processes are assigned together; their numbers may differ. However far a
    prototype lies from all samples, it gets its share. With fewer samples than prototypes samples
    are shared out: a single sample belongs to all prototypes alike.

    Args:
        scores: (N, K) floating, e.g. cosines; N may be 0.
        epsilon: temperature, 1 / lambda in Eq. 7, above 0.
        iterations: pairs of scalings, first of prototypes, then of samples; 0: a softmax.

    Returns:
        (N, K) float32, rows sum to 1. All NaN, in all processes, if a score is NaN or inf.

    Raises:
        ValueError: scores have another shape, or an argument is out of its range.
    """
    if scores.ndim != 2 or scores.shape[1] == 0 or epsilon <= 0 or iterations < 0:
        raise ValueError(
            f"expected scores (N, K) with K > 0, epsilon > 0 and iterations >= 0; got "
            f"{tuple(scores.shape)}, {epsilon} and {iterations}"
        )
    logs = scores.float() / epsilon
    samples = sum_over_processes(logs.new_tensor(len(logs)))
    of_prototype, of_sample = math.log(logs.shape[1]), samples.log()
    for _ in range(iterations):
        logs -= logsumexp_over_processes(logs.logsumexp(0)) + of_prototype
        logs -= logs.logsumexp(1, keepdim=True) + of_sample
    return logs.softmax(1)
