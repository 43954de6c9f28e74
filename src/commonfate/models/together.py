"""Sums and rows over the processes that share a batch (DDP); without others, the value itself.

DDP takes the mean of the processes' gradients. If each process divided its sum of a loss by its own
count of pixels, the weight of a pixel would depend on its process. Divided by the mean count over
the processes, the averaged loss is that of a single process with the whole batch. The same holds
for a teacher's centre and for the marginals of an optimal transport.

All processes must call these functions equally often and in the same order.
"""

import torch
from torch import Tensor, distributed


def process_count() -> int:
    """Number of processes that share a batch, at least 1."""
    return distributed.get_world_size() if _initialised() else 1


def process_index() -> int:
    """Number of this process among them, from 0."""
    return distributed.get_rank() if _initialised() else 0


def sum_over_processes(value: Tensor) -> Tensor:
    """Sum over the processes, element by element: the same shape and dtype, without gradient."""
    return _reduced(value, "SUM")


def mean_over_processes(value: Tensor) -> Tensor:
    """Mean over the processes, element by element: the same shape, floating, without gradient."""
    return sum_over_processes(value) / process_count() if _initialised() else value.detach()


def max_over_processes(value: Tensor) -> Tensor:
    """Maximum over the processes, element by element: the same shape, without gradient."""
    return _reduced(value, "MAX")


def logsumexp_over_processes(value: Tensor) -> Tensor:
    """Logarithm of the sum of exp(value) over the processes, element by element.

    Args:
        value: floating; -inf is the logarithm of 0.

    Returns:
        The same shape and dtype, without gradient; NaN where a process has NaN or inf.
    """
    if not _initialised():
        return torch.where(value == torch.inf, torch.nan, value).detach()
    largest = max_over_processes(value)
    largest = torch.where(largest == -torch.inf, 0, largest)
    return sum_over_processes((value - largest).exp()).log() + largest


def gathered(value: Tensor) -> Tensor:
    """Rows of all processes, in the order of the processes, without gradient.

    Args:
        value: (N, ...), of the same shape in all processes.

    Returns:
        (N * processes, ...).
    """
    if not _initialised():
        return value.detach()
    parts = [torch.empty_like(value) for _ in range(process_count())]
    distributed.all_gather(parts, value.detach().contiguous())
    return torch.cat(parts)


def _initialised() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _reduced(value: Tensor, operation: str) -> Tensor:
    value = value.detach()
    if not _initialised():
        return value
    result = value.clone()
    distributed.all_reduce(result, getattr(distributed.ReduceOp, operation))
    return result
