"""Batch norm over the whole batch, where several processes share it."""

from torch import nn

# Not their subclasses: what those do beside normalising would be lost.
_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def synchronised(network: nn.Module) -> nn.Module:
    """Make the batch norms that are trained count the batch of all processes (SyncBatchNorm).

    Parameters, statistics and their names stay, so checkpoints fit either network. Norms that are
    frozen stay as they are: their networks hold them in evaluation mode.

    Args:
        network: still without DDP; changed in place.

    Returns:
        The network; another one if it is nothing but a batch norm.
    """
    if type(network) in _KINDS:
        trained = all(parameter.requires_grad for parameter in network.parameters())
        return nn.SyncBatchNorm.convert_sync_batchnorm(network) if trained else network
    for name, child in network.named_children():
        network.add_module(name, synchronised(child))
    return network
