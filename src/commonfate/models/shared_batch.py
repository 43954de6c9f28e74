"""A batch that several processes share (DDP): what a loss divides by, counted over all of it."""

import torch
from torch import Tensor


def mean_over_processes(value: Tensor) -> Tensor:
    """Mean of a count over the processes of a training; without others the count itself.

    DDP takes the mean of the processes' gradients. A loss that divides its own share's sum by its
    own share's count would weigh pixels by the process that sees them; divided by the mean count
    it is, averaged, the loss of one process with the whole batch.

    Args:
        value: any shape, float. All processes must call this equally often, which holds inside
            `TrainedMethod.loss`.

    Returns:
        The same shape, without gradient.
    """
    value = value.detach()
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    total = value.clone()
    torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size()
